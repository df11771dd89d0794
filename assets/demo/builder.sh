#!/bin/sh
# Works quietly in its project: edits, commits. Then it tries to plant a git hook and to write
# outside of its project, and both are refused.
set -u
printf '\033]2;building\007'
echo "I add a feature."
i=0
while [ $i -lt "${1:-6}" ]; do
	i=$((i + 1))
	printf 'int step_%d(void)\n{\n\treturn %d;\n}\n' $i $i >>feature.c
	git add feature.c
	git -c user.name=Builder -c user.email=builder@example.org commit -q -m "step $i"
	echo "  step $i committed"
	sleep 0.3
done
echo "Now a hook that would run outside later:"
if (echo 'echo planted' >.git/hooks/pre-commit) 2>/dev/null; then
	echo "  planted"
else
	echo "  the kernel says no"
fi
echo "And a note beside my project:"
if (echo hello >../beside.txt) 2>/dev/null; then
	echo "  written"
else
	echo "  the kernel says no"
fi
echo "done; I watch the files."
while :; do
	git status --short >/dev/null
	sleep 2
done
