#!/bin/sh
# Fetches the real agents that some tests run, from the registries of npm and Python. Does nothing where
# those can't be reached: their tests are skipped then.
#
#   tests/install-agents.sh [NAME...]    all, or these
set -u
dir=${NONO_TEST_AGENTS:-$HOME/.cache/nono-test-agents}
names=" $* "

# wanted NAME PROGRAM: not there yet, and PROGRAM to fetch it is
wanted() {
	case $names in "  " | *" $1 "*) ;; *) return 1 ;; esac
	[ -e "$dir/$1/node_modules/.bin/$1" ] || [ -e "$dir/$1/bin/$1" ] && return 1
	command -v "$2" >/dev/null 2>&1 && return 0
	echo "$2 is not installed: the tests with $1 will be skipped"
	return 1
}

missing() {
	rm -rf "${dir:?}/$1"
	echo "$2 can't be had: its tests will be skipped"
}

# name of the command, package, version of Node that it wants beside it.
# @latest: else npm picks an old one silently when the engine differs.
install() {
	wanted "$1" npm || return 0
	mkdir -p "$dir/$1"
	path=$PATH
	if [ -n "${3:-}" ]; then
		fetch "$1" "node@$3" || { missing "$1" "node@$3"; return 0; }
		PATH="$dir/$1/node_modules/.bin:$PATH"
	fi
	fetch "$1" "$2" || missing "$1" "$2"
	PATH=$path
}

fetch() {
	timeout 300 npm install --silent --no-fund --no-audit --prefix "$dir/$1" "$2" >/dev/null 2>&1
}

# name of the command, package, oldest Python that it wants
install_python() {
	wanted "$1" python3 || return 0
	for python in "$HOME"/.pyenv/versions/3.13*/bin/python3 python3.13 python3.12 python3.11 python3; do
		"$python" -c "import sys; sys.exit(sys.version_info < (${3}))" 2>/dev/null || continue
		"$python" -m venv "$dir/$1" >/dev/null 2>&1 &&
			timeout 300 "$dir/$1/bin/pip" install -q "$2" >/dev/null 2>&1 && return 0
		break
	done
	missing "$1" "$2"
}

install claude @anthropic-ai/claude-code@latest
install opencode opencode-ai@latest
install codex @openai/codex@latest
install gemini @google/gemini-cli@latest
install qwen @qwen-code/qwen-code@latest 22
install openclaw openclaw@latest 24
# Its package fetches the program from elsewhere; one that is in PATH, or in crush/bin here, is taken.
install crush @charmland/crush@latest
install_python swival swival "3, 13"
install_python aider aider-chat "3, 10"
exit 0
