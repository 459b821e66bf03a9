#!/bin/bash
# stop.sh: stops the containers; state stays in the volumes.
. "$(dirname "$0")/common.sh"
need_env
need_engine
compose stop
