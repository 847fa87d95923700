#!/bin/bash
# The entry point of the official image, as far as our files rely on it: POSTGRES_USER, POSTGRES_DB, POSTGRES_PASSWORD
# (each also as a file, by NAME_FILE), POSTGRES_INITDB_ARGS, PGDATA, and scripts in /docker-entrypoint-initdb.d.
set -eu

read_from_file() {
    local file="$1_FILE"
    if [ -n "${!file:-}" ]; then export "$1=$(<"${!file}")"; fi
}

make_cluster() {
    # shellcheck disable=SC2086 # several arguments are meant
    initdb --username="$POSTGRES_USER" --pwfile=<(echo "$POSTGRES_PASSWORD") ${POSTGRES_INITDB_ARGS:---auth=scram-sha-256}
    printf '\nhost all all all scram-sha-256\n' >>"$PGDATA/pg_hba.conf"
}

# Nobody meets the cluster before its scripts have run: it listens on its socket alone.
prepare_cluster() {
    export PGPASSWORD="$POSTGRES_PASSWORD"
    pg_ctl -D "$PGDATA" -o "-c listen_addresses=''" -w start
    if [ "$POSTGRES_DB" != postgres ]; then
        run_sql --dbname=postgres --set=db="$POSTGRES_DB" <<<'CREATE DATABASE :"db";'
    fi
    for script in /docker-entrypoint-initdb.d/*; do
        case "$script" in
        *.sh) if [ -x "$script" ]; then "$script"; else . "$script"; fi ;;
        *.sql) run_sql --dbname="$POSTGRES_DB" --file="$script" ;;
        esac
    done
    pg_ctl -D "$PGDATA" -m fast -w stop
    unset PGPASSWORD
}

run_sql() {
    psql --set=ON_ERROR_STOP=1 --no-password --no-psqlrc --username="$POSTGRES_USER" "$@"
}

case "${1:-}" in
postgres | -*) ;;
*) exec "$@" ;;
esac
if [ "${1#-}" != "$1" ]; then set -- postgres "$@"; fi

if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA"
    chown -R postgres "$PGDATA"
    chmod 700 "$PGDATA"
    chown postgres /var/run/postgresql
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi

read_from_file POSTGRES_PASSWORD
read_from_file POSTGRES_USER
read_from_file POSTGRES_DB
: "${POSTGRES_USER:=postgres}"
: "${POSTGRES_DB:=$POSTGRES_USER}"
export POSTGRES_USER POSTGRES_DB
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    : "${POSTGRES_PASSWORD:?the database needs a password: POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE}"
    make_cluster
    prepare_cluster
fi
exec "$@"
