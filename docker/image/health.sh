#!/bin/bash
# health.sh PORT PATH: the images' health check. Ends with 0 when GET PATH answers 200. bash alone does it, so that no image needs curl.
set -eu
exec 3<>"/dev/tcp/127.0.0.1/$1"
printf 'GET %s HTTP/1.0\r\nHost: localhost:%s\r\n\r\n' "$2" "$1" >&3
read -r -t 8 _ status _ <&3
[ "$status" = 200 ]
