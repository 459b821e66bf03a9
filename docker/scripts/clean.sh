#!/bin/bash
# clean.sh [--yes]: removes containers, images and volumes, and with these the state: devices, histories, sessions.
. "$(dirname "$0")/common.sh"
need_env
need_engine
if [ "${1:-}" != --yes ]; then
	read -r -p 'Remove the containers, their images and ALL their state? [y/N] ' answer
	[ "$answer" = y ] || fail 'nothing was removed'
fi
compose down --volumes --rmi local --remove-orphans
