#!/bin/bash
# test.sh: asks each part that runs whether it is well; ends with 1 when one is not.
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
supervised() { ! docker exec "$1" supervisorctl status | grep -v -E ' (RUNNING|STOPPED) '; }

id=$(compose ps -q lab || true)
if [ -n "$id" ]; then
	check "API, $(value HOST_PORT 6109)" well lab
	check 'noVNC, 6080' listens 6080
	check 'VNC, 5900' greets 5900
	check 'programs of the lab' supervised "$id"
fi
[ -z "$(compose ps -q host || true)" ] || check "API, $(value HOST_PORT 6109)" well host
[ -z "$(compose ps -q server || true)" ] || check 'server, 5109' well server
[ "$bad" = 0 ] || fail 'docker/scripts/logs.sh tells more'
