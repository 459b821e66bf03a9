#!/bin/sh
# make new-driver NAME=foo: drivers/foo/ from drivers/_template/, ready to build and to pass the contract test.
set -eu
name=${1:-}
case $name in
'' | *[!a-z0-9]* | [0-9]*) echo "usage: make new-driver NAME=foo (lower-case letters and digits, a letter first)" >&2; exit 2 ;;
template | transport) echo "the name $name is taken" >&2; exit 2 ;;
esac
cd "$(dirname "$0")/.."
[ ! -e "drivers/$name" ] || { echo "drivers/$name exists already" >&2; exit 2; }
upper=$(printf %s "$name" | tr a-z A-Z)
camel=$(printf %s "$upper" | cut -c1)$(printf %s "$name" | cut -c2-)
mkdir "drivers/$name"
for f in drivers/_template/*; do
	to=drivers/$name/$(basename "$f" | sed "s/template/$name/")
	sed "s|drivers/_template/|drivers/$name/|g; s/template/$name/g; s/Template/$camel/g; s/TEMPLATE/$upper/g" "$f" > "$to"
done
echo "drivers/$name is there. Next:"
echo "  make build/tests/tests/contract/test_driver_contract && build/tests/tests/contract/test_driver_contract -p /contract/$name"
echo "  then replace the protocol in drivers/$name/${name}_proto.c, its test and its README.md (docs/DEVELOP.md says more)"
