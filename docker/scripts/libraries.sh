#!/bin/sh
# libraries.sh PROGRAM: the Debian packages of the libraries that it is linked with, one a line.
set -eu
folder=$(gcc -print-multiarch)
names=$(objdump -p "$1" | awk '$1 == "NEEDED" { print $2 }')
[ -n "$names" ] || exit 1
owners=$(for name in $names; do dpkg-query -S "*/$folder/$name" || exit 1; done)
echo "$owners" | cut -d: -f1 | sort -u
