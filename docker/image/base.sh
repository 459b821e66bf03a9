#!/bin/sh
# base.sh DOCKER TAG: a Debian 12 to build on, where there is no registry: by debootstrap, from this machine's mirror, without manuals and
# translations (as debian:12-slim is). Needs root and the package debootstrap.
set -eu
docker=$1
tag=$2
mirror=$(sed -n 's/^URIs: *//p; s/^deb \(\[[^]]*\] \)\?\(http[^ ]*\) .*/\2/p' /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null | head -n 1)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
debootstrap --variant=minbase bookworm "$root" "${mirror:-http://deb.debian.org/debian}" >"$root.log" || { tail "$root.log" >&2; exit 1; }
rm "$root.log"
echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/docker-apt-speedup"
find "$root/usr/share/doc" -type f ! -name copyright -delete
rm -rf "$root"/usr/share/man/* "$root"/usr/share/info/* "$root"/usr/share/locale/* "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin \
	"$root"/var/cache/apt/archives/*.deb "$root"/var/log/*
# authorities that this machine trusts besides Debian's own: a network's proxy may need them
for own in /usr/local/share/ca-certificates/*.crt /etc/ssl/certs/*.pem; do
	if [ -f "$own" ] && [ ! -L "$own" ]; then
		name=${own##*/}
		install -Dm644 "$own" "$root/usr/local/share/ca-certificates/${name%.*}.crt"
	fi
done
tar -C "$root" -c . | "$docker" import - "$tag" >/dev/null
