# shellcheck shell=bash
# Read by the others: where the project is, `compose` with what .env asks for, and how to give up.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

fail() { echo "$(basename "$0"): $*" >&2; exit 1; }

# value NAME [DEFAULT]: from the environment, else from .env as compose reads it: its last line wins, quotes and comments are not part of it.
value() {
	local found=${!1:-}
	[ -n "$found" ] || found=$(sed -n "s/^[[:space:]]*\(export[[:space:]]\+\)\{0,1\}$1=[[:space:]]*//p" .env 2>/dev/null | tail -n 1 | tr -d '\r' |
		sed "s/^\"\([^\"]*\)\".*/\1/; t; s/^'\([^']*\)'.*/\1/; t; s/^#.*//; s/[[:space:]]\+#.*//; s/[[:space:]]*\$//")
	echo "${found:-${2:-}}"
}

need_env() { [ -f .env ] || fail 'there is no .env here: cp .env.example .env, and look through it'; }

need_engine() {
	command -v docker >/dev/null || fail 'docker is not installed (Debian: apt-get install docker.io docker-compose)'
	docker info >/dev/null 2>&1 || fail 'docker does not answer: does its daemon run (systemctl start docker), and are you in its group?'
	if docker compose version >/dev/null 2>&1; then
		COMPOSE=(docker compose)
	elif command -v docker-compose >/dev/null; then
		COMPOSE=(docker-compose)
	else
		fail 'neither "docker compose" nor docker-compose is installed (Debian: apt-get install docker-compose)'
	fi
}

# Without a token the daemons listen for this machine alone; they would refuse anything else.
if [ -z "$(value TESTBED_TOKEN)" ]; then export HOST_ADDRESS=127.0.0.1 SERVER_ADDRESS=127.0.0.1; fi

compose() {
	local profiles=() profile list
	IFS=', ' read -ra list <<<"$(value COMPOSE_PROFILES server,lab)"
	for profile in "${list[@]}"; do profiles+=(--profile "$profile"); done
	env -u COMPOSE_PROFILES "${COMPOSE[@]}" --project-name "$(value COMPOSE_PROJECT_NAME testbed)" --env-file .env -f docker/compose.yaml "${OVER[@]}" "${profiles[@]}" "$@"
}
# asked SERVICE: is it one that .env wants started?
asked() { case ,$(value COMPOSE_PROFILES server,lab), in *[,\ ]"$1"[,\ ]*) ;; *) return 1 ;; esac; }
OVER=()
if [ -n "$(value COMPOSE_OVER)" ]; then OVER=(-f "docker/compose.$(value COMPOSE_OVER).yaml"); fi

# The container that has the bench: the lab, else the host.
bench() {
	local id
	id=$(compose ps -q lab 2>/dev/null || true)
	[ -n "$id" ] || id=$(compose ps -q host 2>/dev/null || true)
	[ -n "$id" ] || fail 'no lab is running: docker/scripts/run.sh'
	echo "$id"
}

# well SERVICE: does its daemon answer, by HTTP or HTTPS, as its configuration says? Asked inside, where that configuration is.
well() {
	local id program=testbed-host
	[ "$1" != server ] || program=testbed-server
	id=$(compose ps -q "$1" 2>/dev/null) && [ -n "$id" ] && docker exec "$id" "$program" --health >/dev/null 2>&1
}

# listens PORT: does this machine take connections there?
listens() { (: <"/dev/tcp/127.0.0.1/$1"); } 2>/dev/null
