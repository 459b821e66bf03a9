#!/bin/bash
# logs.sh [PROGRAM|SERVICE] [ARGUMENTS OF compose logs]: follows the logs: all, one service (server, lab, caddy …), or one program of the lab
. "$(dirname "$0")/common.sh"
need_env
need_engine
what=${1:-}
[ $# -eq 0 ] || shift
case $what in
'') compose logs -f "$@" ;;
flask | x11vnc | novnc) echo "$what: its work is done by testbed-host now" >&2; what=testbed-host ;;&
xvfb | desktop | adb | testbed-host | flask | x11vnc | novnc) compose logs -f --no-color "$@" lab | grep --line-buffered -E "\| ?$what: " ;;
*) compose logs -f "$@" "$what" ;;
esac
