#!/bin/sh
# The entry point of the official image, as far as our files rely on it: as root it gives the data to rabbitmq and goes on
# as rabbitmq.
set -eu

if [ "${1:-}" = rabbitmq-server ] && [ "$(id -u)" = 0 ]; then
    chown -R rabbitmq /var/lib/rabbitmq
    exec setpriv --reuid=rabbitmq --regid=rabbitmq --init-groups "$0" "$@"
fi
exec "$@"
