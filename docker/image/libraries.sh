#!/bin/sh
# libraries.sh PROGRAM...: the Debian packages of the libraries that they are linked with, one a line.
set -eu
folder=$(gcc -print-multiarch)
names=$(objdump -p "$@" | awk '$1 == "NEEDED" { print $2 }' | sort -u)
[ -n "$names" ] || exit 1
# shellcheck disable=SC2046
# shellcheck disable=SC2046,SC2086
owners=$(dpkg-query -S $(printf "*/$folder/%s " $names)) || exit 1
echo "$owners" | cut -d: -f1 | sort -u
