#!/bin/sh
# make new-driver NAME=foo KIND=line|http: drivers/foo/ from drivers/_template/KIND/, with a simulator, a fuzzer and a row in README.md; it builds and
# passes its tests, the contract test and the rules. KIND line: lines over TCP or a tty; http (the default): a plug that answers HTTP with JSON.
set -eu
name=${1:-}
kind=${2:-http}
case $name in
'' | *[!a-z0-9]* | [0-9]*) echo "usage: make new-driver NAME=foo KIND=line|http (lower-case letters and digits, a letter first)" >&2; exit 2 ;;
template | transport) echo "the name $name is taken" >&2; exit 2 ;;
esac
case $kind in
line | http) ;;
*) echo "KIND is line (lines over TCP or a tty) or http (a plug that answers HTTP with JSON), not \"$kind\"" >&2; exit 2 ;;
esac
cd "$(dirname "$0")/.."
for taken in "drivers/$name" "tests/sim/$name" "tests/fuzz/fuzz_$name.c"; do
	[ ! -e "$taken" ] || { echo "$taken exists already" >&2; exit 2; }
done
# what a driver shows begins with tb_<name>_ (docs/CONTRIBUTING.md): nobody else may have that
taken=$(grep -rlE --include='*.h' "\\btb_${name}_" lib host server drivers | head -1)
[ -z "$taken" ] || { echo "the name $name is taken: tb_${name}_ stands in $taken" >&2; exit 2; }
upper=$(printf %s "$name" | tr '[:lower:]' '[:upper:]')
camel=$(printf %s "$upper" | cut -c1)$(printf %s "$name" | cut -c2-)
mkdir -p "drivers/$name" "tests/sim/$name" "tests/fuzz/corpus/$name"
for f in drivers/_template/test_template_lane.c drivers/_template/"$kind"/*; do
	case $(basename "$f") in
	template-sim.mjs) to=tests/sim/$name/$name-sim.mjs ;;
	fuzz_template.c) to=tests/fuzz/fuzz_$name.c ;;
	seed) to=tests/fuzz/corpus/$name/on ;;
	*) to=drivers/$name/$(basename "$f" | sed "s/template/$name/") ;;
	esac
	sed "s|drivers/_template/$kind/|drivers/$name/|g; s/template/$name/g; s/Template/$camel/g; s/TEMPLATE/$upper/g" "$f" > "$to"
done
! command -v clang-format >/dev/null || clang-format -i "drivers/$name"/*.[ch] "tests/fuzz/fuzz_$name.c"
kinds='power'
[ "$kind" = line ] || kinds='power sensors'
# the table of drivers in README.md is sorted by name
awk -v row="| \`$name\` | $kinds | say what it is |" -v name="$name" '
/^\| `[a-z0-9]+` \|/ { split($0, q, "`"); table = 1; if (!done && q[2] > name) { print row; done = 1 } }
table && !/^\| `/ { if (!done) { print row; done = 1 } table = 0 }
{ print }' README.md > README.md.tmp && mv README.md.tmp README.md
echo "drivers/$name is there, with tests/sim/$name, tests/fuzz/fuzz_$name.c and a row in README.md. Next:"
echo "  make build/tests/drivers/$name/test_${name}_lane build/tests/tests/contract/test_driver_contract"
echo "  build/tests/drivers/$name/test_${name}_lane && build/tests/tests/contract/test_driver_contract -p /contract/$name"
echo "  then replace the protocol in drivers/$name/${name}_proto.c, its tests, its simulator and its README.md (docs/DEVELOP.md says more)"
