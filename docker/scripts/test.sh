#!/bin/bash
# test.sh: asks each part that .env asks for, or that runs, whether it is well; ends with 1 when one is not, or is not there.
. "$(dirname "$0")/common.sh"
need_env
need_engine
bad=0
check() {
	local name=$1
	shift
	if "$@"; then echo "ok      $name"; else echo "FAILED  $name"; bad=1; fi
}
greets() { # greets PORT: an RFB server's first words
	local words
	exec 3<>"/dev/tcp/127.0.0.1/$1" || return 1
	IFS= read -r -t 5 -n 4 words <&3 || words=
	exec 3>&-
	[ "$words" = 'RFB ' ]
} 2>/dev/null
supervised() { # nothing said is no good news
	local said
	said=$(docker exec "$1" supervisorctl status) || true
	[ -n "$said" ] && ! echo "$said" | grep -v -E ' (RUNNING|STOPPED) '
}

# A part that .env asks for and that is not there is not well: it ended, or was never started.
tested=0
for service in lab host server; do
	id=$(compose ps -q "$service" 2>/dev/null || true)
	asked "$service" || [ -n "$id" ] || continue
	tested=1
	if [ -z "$id" ]; then
		check "$service: its container" false
	elif [ "$service" = server ]; then
		check 'server, 5109' well server
	else
		check "API, $(value HOST_PORT 6109)" well "$service"
	fi
	if [ "$service" = lab ] && [ -n "$id" ]; then
		check 'noVNC, 6080' listens 6080
		check 'VNC, 5900' greets 5900
		check 'programs of the lab' supervised "$id"
	fi
done
[ "$tested" = 1 ] || fail 'COMPOSE_PROFILES in .env has none of server, host, lab: nothing was asked'
[ "$bad" = 0 ] || fail 'docker/scripts/logs.sh tells more'
