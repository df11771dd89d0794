#!/bin/sh
# Asks a question at the terminal and waits: its state becomes "waiting".
set -u
printf '\033]2;a question\007'
while :; do
	printf 'Which database shall I use, sqlite or postgres? '
	read -r answer || exit 0
	echo "Good: $answer it is."
	echo "$answer" >>database.txt
done
