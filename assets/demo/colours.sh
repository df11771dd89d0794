#!/bin/sh
# Draws: 24-bit colours, attributes, wide characters, a progress bar that moves in place.
set -u
esc=$(printf '\033')
printf '%s]2;drawing\007%s[2J%s[H' "$esc" "$esc" "$esc"
echo "${esc}[1mbold${esc}[m ${esc}[2mdim${esc}[m ${esc}[3mitalic${esc}[m ${esc}[4munderlined${esc}[m ${esc}[7minverse${esc}[m"
echo "日本語 · emoji 🚀 👩‍💻 · combining: e${esc}[31ḿ${esc}[m"
line=
i=0
while [ $i -lt 36 ]; do
	line="$line${esc}[48;2;$((i * 7));$((80 + i * 3));$((255 - i * 7))m "
	i=$((i + 1))
done
echo "$line${esc}[m"
n=0
while :; do
	n=$((n + 1))
	full=$((n % 31))
	bar=
	i=0
	while [ $i -lt 30 ]; do
		if [ $i -lt $full ]; then bar="$bar█"; else bar="$bar░"; fi
		i=$((i + 1))
	done
	printf '%s[5;1H%s[38;2;90;200;%dm%s%s[m frame %d ' "$esc" "$esc" $((n % 200)) "$bar" "$esc" $n
	sleep 0.2
done
