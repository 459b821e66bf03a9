#!/bin/sh
# A simulated outlet behind a real broker, by mosquitto's own clients: SIMULATOR, written from tasmota/docs MQTT.md and zigbee2mqtt's
# mqtt_topics_and_messages.md.
#   sh device.sh tasmota|zigbee2mqtt PORT FOLDER    says its state, does what it is told, and is "Offline" when it is killed
# FOLDER/stuck: it acknowledges and does not switch.
kind=$1 port=$2 folder=$3
export LC_ALL=C
pub() { mosquitto_pub -p "$port" -u lab -P secret "$@"; }
state=OFF
case $kind in
tasmota)
	command=cmnd/plug/POWER ask=$command alive=tele/plug/LWT
	online=Online offline=Offline
	tell() { pub -t stat/plug/POWER -m "$state"; }
	;;
*)
	command=zigbee2mqtt/plug/set ask=zigbee2mqtt/plug/get alive=zigbee2mqtt/plug/availability
	online='{"state":"online"}' offline='{"state":"offline"}'
	tell() { pub -t zigbee2mqtt/plug -m "{\"state\":\"$state\",\"power\":11.5,\"linkquality\":80}"; }
	;;
esac
mkfifo "$folder/fifo.$kind"
setpriv --pdeathsig KILL mosquitto_sub -p "$port" -u lab -P secret -t "$command" -t "$ask" -F '%t %p' --will-topic "$alive" --will-payload "$offline" \
	--will-retain >"$folder/fifo.$kind" &
client=$!
echo $client >"$folder/client.$kind"
pub -t "$alive" -m "$online" -r
[ "$kind" = tasmota ] && pub -t tele/plug/SENSOR -m '{"ENERGY":{"Power":11.5}}' -r
echo ready
while read -r topic payload; do
	case $payload in
	*ON*) [ -f "$folder/stuck" ] || state=ON ;;
	*OFF*) [ -f "$folder/stuck" ] || state=OFF ;;
	esac
	: "$topic"
	tell
done <"$folder/fifo.$kind"
rm -f "$folder/fifo.$kind"
