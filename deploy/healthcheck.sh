#!/bin/bash
# Exit code 0 when the process of this container answers that it is ready. It is asked in every container every few
# seconds, so it loads nothing: Python alone would take ten times as long to start.
set -e
exec 3<>/dev/tcp/127.0.0.1/8000
printf 'GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
read -r -t 3 -u 3 _ status _ || exit 1
[ "$status" = 200 ]
