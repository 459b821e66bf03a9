#!/bin/sh
# The outlets of a simulated PDU, for net-snmp's snmpd, which speaks for them (`pass OID sh outlets.sh OID FOLDER`): SIMULATOR,
# no real PDU was recorded. FOLDER/N holds 1 (on) or 2 (off); FOLDER/stuck: what is written changes nothing.
base=$1 folder=$2 ask=$3 oid=$4 value=$6
n=${oid#"$base".}
case $ask in
-n)
	case $oid in
	"$base") n=1 ;;
	*) n=$((n + 1)) ;;
	esac
	;;
-s)
	[ -f "$folder/$n" ] || { echo no-creation && exit; }
	[ -f "$folder/stuck" ] || echo "$value" >"$folder/$n"
	;;
esac
[ -f "$folder/$n" ] || exit 0
printf '%s\ninteger\n%s\n' "$base.$n" "$(cat "$folder/$n")"
