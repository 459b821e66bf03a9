#!/bin/bash
# deploy.sh dev|prod VERSION HEALTH_URL: on the machine, in the folder of the commit to start. Builds its images under VERSION, starts them, and when
# HEALTH_URL does not answer 200 within HEALTH_S seconds (120) starts the images of the version before again and ends with 1. `.deployed` names the
# version that is known to be well. By hand: docker/scripts/deploy.sh prod "$(git rev-parse HEAD)" https://example.org/health
[ $# = 3 ] || { sed -n '2,5s/^# //p' "$0" >&2; exit 2; }
environment=$1 version=$2 health=$3
export COMPOSE_OVER=$environment COMPOSE_PROJECT_NAME=testbed
if [ "$environment" = dev ]; then COMPOSE_PROJECT_NAME=staging; fi
. "$(dirname "$0")/common.sh"
[ -f "docker/compose.$environment.yaml" ] || fail "there is no docker/compose.$environment.yaml"
need_env
need_engine
before=$(cat .deployed 2>/dev/null || true)

healthy() {
	local until_s=$(($(date +%s) + ${HEALTH_S:-120}))
	while ! curl -fsS --max-time 10 -o /dev/null "$health"; do
		[ "$(date +%s)" -lt "$until_s" ] || return 1
		sleep 2
	done
}

started=0
VERSION=$version compose up -d --build --remove-orphans || started=$?
if [ $started = 0 ] && healthy; then
	echo "$version" >.deployed
	# images of this version and of the one before it stay: going back is starting those
	docker image ls --format '{{.Repository}}:{{.Tag}}' 'testbed-*' | grep -vE ":(latest|$version${before:+|$before})\$" | xargs -r docker image rm >/dev/null || true
	docker image prune -f >/dev/null
	echo "deploy: $version is well at $health"
	exit 0
fi
VERSION=$version compose logs --tail=50 >&2 || true
if [ -z "$before" ] || [ "$before" = "$version" ]; then
	echo "deploy: $version is not well at $health, and there is no version before it to go back to" >&2
	exit 1
fi
echo "deploy: $version is not well at $health: going back to $before" >&2
VERSION=$before compose up -d --no-build --remove-orphans
healthy || { echo "deploy: $before is not well either" >&2; exit 1; }
echo "deploy: $before runs again" >&2
exit 1
