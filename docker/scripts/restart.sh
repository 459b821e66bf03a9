#!/bin/bash
# restart.sh [PROGRAM]: everything, or one program of the lab (xvfb, desktop, adb, testbed-host; flask, x11vnc and novnc are known, too)
. "$(dirname "$0")/common.sh"
need_env
need_engine
if [ $# -eq 0 ]; then
	compose restart
else
	docker exec "$(bench)" supervisorctl restart "$@"
fi
