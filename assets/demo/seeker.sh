#!/bin/sh
# Wants more than it has: a key of the home directory, then the notes beside its project. Each
# becomes a request; the program simply waits in its open() until somebody has answered.
set -u
printf '\033]2;seeking\007'
sleep 1
echo "To deploy, I would like to have your ssh key."
if cat "$HOME/.ssh/id_rsa" >/dev/null; then
	echo "  I have it."
else
	echo "  refused. I go on without."
fi
sleep 1
echo "May I see your notes?"
if notes=$(cat "$HOME/notes.txt"); then
	echo "  thank you, they say: $notes"
else
	echo "  refused."
fi
sleep 1
echo "I ask again for the key, and say why."
if nono=${DEMO_NONO:-}; [ -n "$nono" ] && "$nono" request --read "$HOME/.ssh/id_rsa" \
	--reason "the deploy step signs with it"; then
	echo "  granted: $(wc -c <"$HOME/.ssh/id_rsa") bytes"
else
	echo "  refused again."
fi
echo "done."
read -r _
