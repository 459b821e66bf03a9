#!/bin/bash
# build.sh [ARGUMENTS OF compose build]: the images of the profiles in .env.   --no-cache makes everything again
. "$(dirname "$0")/common.sh"
need_env
need_engine
compose build "$@"
