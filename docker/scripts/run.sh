#!/bin/bash
# run.sh: starts what .env asks for, in the background, waits until it answers, and says where.
. "$(dirname "$0")/common.sh"
need_env
need_engine
[ -n "$(value TESTBED_TOKEN)" ] || echo 'no TESTBED_TOKEN in .env: reachable from this machine only, by everybody on it'
compose up -d
host=http://localhost:$(value HOST_PORT 6109)
for service in lab host server; do
	asked "$service" || continue
	for _ in $(seq 150); do
		well "$service" && continue 2
		sleep 0.2
	done
	compose logs --tail 20 >&2
	fail "$service did not answer within 30 s; above is what the containers said"
done
cat <<END
console and API   $host/
desktop           http://localhost:6080/   (noVNC)   vnc://localhost:5900
server            http://localhost:5109/
logs              docker/scripts/logs.sh     help   docker/scripts/help.sh
END
