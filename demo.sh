#!/bin/sh
# Installs what is missing, builds, and shows several agents side by side, each confined: one works,
# one wants more than it may have, one draws, one waits for an answer.
#
# On a terminal the front end opens on them: answer the requests, Ctrl+B ? shows the keys, Ctrl+B d
# leaves. Without a terminal the same happens on a screen in memory, for a bounded time, and the
# last picture is printed with a summary.
#
# Everything happens below a temporary home that is removed afterwards.
set -eu
cd "$(dirname "$0")"
root=$(pwd)

sh scripts/install-deps.sh build
cmake --preset release -DNONO_TESTS=OFF -B build/demo >/dev/null
echo "building ..."
log=$(mktemp)
if ! cmake --build build/demo --parallel >"$log" 2>&1; then
	tail -40 "$log"
	rm -f "$log"
	exit 1
fi
rm -f "$log"
nono=$root/build/demo/nono
demo=$root/assets/demo

# ---- a home of its own -------------------------------------------------------------------------

base=$(mktemp -d "${TMPDIR:-/tmp}/nono-demo-XXXXXX")
cleanup() {
	trap - EXIT
	"$nono" ps --json 2>/dev/null | sed -n 's/.*"session_id": "\([0-9a-f]*\)".*/\1/p' |
		while read -r id; do "$nono" --silent stop --force "$id" >/dev/null 2>&1 || :; done
	rm -rf "$base"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
mkdir -p "$base/home/.ssh" "$base/state" "$base/run"
chmod 700 "$base/run" "$base/home/.ssh"
export HOME="$base/home" XDG_STATE_HOME="$base/state" XDG_RUNTIME_DIR="$base/run"
export XDG_CONFIG_HOME="$base/home/.config" DEMO_NONO="$nono" GIT_CONFIG_NOSYSTEM=1
unset NONO_PROFILE NONO_ALLOW NONO_BLOCK_NET NONO_ALLOW_NET NONO_CAPABILITY_ELEVATION NONO_PREFIX 2>/dev/null || :
echo "THIS IS A PRIVATE KEY" >"$HOME/.ssh/id_rsa"
chmod 600 "$HOME/.ssh/id_rsa"
echo "buy milk" >"$HOME/notes.txt"

start() { # name, script, flags
	name=$1 script=$2
	shift 2
	mkdir -p "$HOME/$name"
	cd "$HOME/$name"
	git -c init.defaultBranch=main init -q .
	"$nono" --silent run --detached --name "$name" --allow . --block-net --size 60x18 "$@" -- \
		"$demo/$script" >/dev/null
	cd "$root"
}
start builder builder.sh
start seeker seeker.sh --capability-elevation --read-file "$nono"
start painter colours.sh
start asker asker.sh

# ---- on a terminal -------------------------------------------------------------------------------

events() { "$nono" logs "$1" --json 2>/dev/null; }
summary() {
	echo
	echo "session    events   denied  requests answered: yes   no"
	for name in builder seeker painter asker; do
		printf '%-10s %6d  %7d  %22d  %3d\n' "$name" "$(events $name | wc -l)" \
			"$(events $name | grep -c '"decision":"denied"')" \
			"$(events $name | grep -c '"decision":"Granted"')" \
			"$(events $name | grep -c '"decision":{"Denied"')"
	done
}
if [ -t 0 ] && [ -t 1 ]; then
	"$nono" tui || :
	summary
	exit 0
fi

# ---- on a screen of its own -------------------------------------------------------------------------

seconds=${DEMO_SECONDS:-10}
"$nono" tui --headless 132x40 --seconds "$seconds" >"$base/screen" 2>"$base/errors" &
screen=$!

# Somebody answers: the key is refused, the notes are granted, the second wish for the key stays
# open, so that its dialog is on the last picture.
answer() { # approve|deny, end of the target
	tries=0
	while [ $tries -lt 100 ]; do
		id=$("$nono" requests seeker 2>/dev/null | sed -n "s|^\([0-9a-f]*\) .* [^ ]*$2\( .*\)\{0,1\}\$|\1|p" | head -n 1)
		[ -n "$id" ] && "$nono" --silent "$1" "$id" && return 0
		tries=$((tries + 1))
		sleep 0.1
	done
	echo "no request for $2 came" >&2
	return 1
}
answer deny /.ssh/id_rsa
answer approve /notes.txt
"$nono" send asker --enter postgres
"$nono" wait asker --until 'output=Good: postgres' --timeout 20
"$nono" wait seeker --until 'output=I ask again' --timeout 20
"$nono" wait builder --until 'output=done; I watch' --timeout 30
wait $screen || {
	cat "$base/errors"
	exit 1
}

echo "The last screen, as text:"
echo
cat "$base/screen"
summary

# ---- what must have happened -------------------------------------------------------------------------

failed=
expect() { # words, command
	words=$1
	shift
	if "$@" >/dev/null 2>&1; then
		echo "ok      $words"
	else
		echo "FAILED  $words"
		failed=yes
	fi
}
has() { events "$1" | grep -q "$2"; }
shows() { "$nono" capture "$1" --scrollback 100 | grep -q "$2"; }
lacks() { ! shows "$1" "$2"; }
verified() { "$nono" audit verify "$1"; }
echo
expect "the builder's commits are there" \
	sh -c "[ \$(git -C '$HOME/builder' log --oneline | wc -l) = 6 ]"
expect "its git hook was refused, and is not there" \
	sh -c "[ ! -e '$HOME/builder/.git/hooks/pre-commit' ]"
expect "so was the file beside its project" sh -c "[ ! -e '$HOME/beside.txt' ]"
expect "both are in its log as denied" \
	sh -c "[ \$('$nono' logs builder --json | grep -c '\"decision\":\"denied\"') -ge 2 ]"
expect "the key was refused when somebody said no" has seeker 'Denied.*\|id_rsa.*Denied'
expect "the notes were read when somebody said yes" shows seeker 'they say: buy milk'
expect "no program saw the key" lacks seeker 'PRIVATE KEY'
expect "the key is asked for once more, by nono request" shows seeker 'and say why'
expect "the dialog of that is on the screen" grep -q 'wants: read' "$base/screen"
expect "all four are on the screen" \
	sh -c "for n in builder seeker painter asker; do grep -q \$n '$base/screen' || exit 1; done"
expect "the typed answer arrived" shows asker 'Good: postgres'
for name in builder seeker painter asker; do
	"$nono" --silent stop --force "$name" >/dev/null
	id=$("$nono" inspect "$name" --json | sed -n 's/.*"session_id": "\([0-9a-f]*\)".*/\1/p')
	expect "the log of $name verifies" verified "$id"
done
expect "nothing is left running" sh -c "[ \"\$('$nono' ps --json)\" = '[]' ]"
[ -z "$failed" ]
