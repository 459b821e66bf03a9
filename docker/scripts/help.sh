#!/bin/bash
# help.sh: what is in this folder.
cd "$(dirname "$0")" || exit
for script in build run stop restart logs test clean help; do
	sed -n "2s|^# |docker/scripts/|p" "$script.sh"
done
