#!/bin/sh
# libraries.sh PROGRAM...: the Debian packages of the libraries that they are linked with, one a line.
set -eu
folder=$(gcc -print-multiarch)
names=$(objdump -p "$@" | awk '$1 == "NEEDED" { print $2 }' | sort -u)
[ -n "$names" ] || exit 1
owners=$(for name in $names; do dpkg-query -S "*/$folder/$name" || exit 1; done)
echo "$owners" | cut -d: -f1 | sort -u
