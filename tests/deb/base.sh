#!/bin/sh
# base.sh FOLDER MIRROR PACKAGE...: a Debian 12 in FOLDER with systemd and all that the packages depend on, but not them.
set -eu
folder=$1 mirror=$2
shift 2
needed=$(for p in "$@"; do dpkg-deb -f "$p" Depends; done | tr ',' '\n' | sed 's/[|(].*//; s/ //g' | grep -v '^testbed' | sort -u | tr '\n' ' ')
needed="$needed ca-certificates dbus iproute2 procps socat systemd-sysv udev"
[ "$(cat "$folder.packages" 2>/dev/null)" != "$needed" ] || exit 0
if [ ! -e "$folder.packages" ]; then # else only packages are missing
	rm -rf "$folder"
	debootstrap --variant=minbase bookworm "$folder" "$mirror" >"$folder.log" 2>&1 || { tail -5 "$folder.log" >&2; exit 1; }
	# the machine's own sources: a mirror, a proxy
	[ ! -e /etc/apt/sources.list.d/debian.sources ] || { cp /etc/apt/sources.list.d/debian.sources "$folder/etc/apt/sources.list.d/" && : >"$folder/etc/apt/sources.list"; }
fi
cp /etc/resolv.conf "$folder/etc/"
for step in 'apt-get update -qq' "apt-get install -y -qq --no-install-recommends $needed" 'apt-get clean'; do
	# shellcheck disable=SC2086
	DEBIAN_FRONTEND=noninteractive chroot "$folder" $step >>"$folder.log" 2>&1 || { tail -5 "$folder.log" >&2; exit 1; }
done
echo "$needed" >"$folder.packages"
