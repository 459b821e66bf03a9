#!/bin/sh
# installed.sh PACKAGES-FILE [PROGRAM...]: the packages of that list into the image that is being made, nothing of apt's left behind; then every
# library of these programs is there, or the build ends.
set -eu
list=$1
shift
apt-get update
# shellcheck disable=SC2046
DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $(cat "$list")
rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/* /var/log/* /var/lib/dpkg/*-old
# for who builds packages with these libraries
rm -f /var/lib/dpkg/info/*.symbols /var/lib/dpkg/info/*.shlibs
for program; do
	missing=$(ldd "$program" | grep 'not found') || continue
	echo "$program: $missing" >&2
	exit 1
done
