#!/bin/sh
# A PostgreSQL of its own for one test, for as long as who started it lives: sh tests/postgres.sh FOLDER. It listens in FOLDER alone, on a
# UNIX socket, and runs as the user `postgres` where this is root, as whom it does not start.
#   postgresql:///postgres?host=FOLDER&user=testbed
set -e
folder=$1
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
as=
if [ "$(id -u)" = 0 ]; then
	chown postgres "$folder"
	[ -k "$(dirname "$folder")" ] || chmod a+x "$(dirname "$folder")" # the runner's own, below /tmp
	as='--reuid=postgres --regid=postgres --clear-groups'
fi
cd "$folder"
if [ ! -d data ]; then # shellcheck disable=SC2086
	setpriv --pdeathsig KILL $as "$bin/initdb" -D "$folder/data" -A trust -U testbed -E UTF8 --locale=C --no-sync >"$folder/initdb.log" 2>&1
fi
# shellcheck disable=SC2086
exec setpriv --pdeathsig QUIT $as "$bin/postgres" -D "$folder/data" -k "$folder" -c listen_addresses= -c fsync=off -c shared_buffers=1MB \
	-c max_connections=20 -c autovacuum=off -c wal_level=minimal -c max_wal_senders=0 >>"$folder/server.log" 2>&1
