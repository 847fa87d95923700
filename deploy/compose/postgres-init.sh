#!/bin/bash
# Run once, in an empty volume: the role of the service, which is no superuser, and its database, which is nobody else's.
set -euo pipefail

psql --set=ON_ERROR_STOP=1 --no-psqlrc --quiet --username=postgres --dbname=postgres --set=service="$SERVICE" <<'SQL'
\set password `cat "/run/secrets/$SERVICE.postgres_password"`
CREATE ROLE :"service" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'password';
CREATE DATABASE :"service" OWNER :"service";
REVOKE ALL ON DATABASE :"service" FROM PUBLIC;
REVOKE ALL ON DATABASE postgres FROM PUBLIC;
SQL
