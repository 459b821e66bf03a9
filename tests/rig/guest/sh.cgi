#!/bin/sh
# Runs the request's body as a shell script. Last line of the answer: the exit status.
export PATH=/bin:/sbin:/usr/bin
printf 'Content-Type: application/octet-stream\r\n\r\n'
head -c "${CONTENT_LENGTH:-0}" >/tmp/script.$$
sh /tmp/script.$$ 2>&1 </dev/null
printf '\nexit=%d\n' $?
rm -f /tmp/script.$$
