#!/bin/sh
# What a container of a service does: `web`, `messaging`, `worker`, else a command of its manage.py.
set -eu

manage="${SERVICE}_service/manage.py"

case "${1:-}" in
web) exec python -m gunicorn --config shared/settings/gunicorn.py --bind 0.0.0.0:8000 "${SERVICE}_service.config.wsgi:application" ;;
messaging) exec python "$manage" run_messaging --host 0.0.0.0 --port 8000 ;;
worker) exec python "$manage" run_worker --host 0.0.0.0 --port 8000 ;;
*) exec python "$manage" "$@" ;;
esac
