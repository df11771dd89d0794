#!/bin/sh
# Fetches the real agents that some tests run, from the npm registry. Does nothing where npm is
# missing or the registry can't be reached: those tests are skipped then.
set -u
dir=${NONO_TEST_AGENTS:-$HOME/.cache/nono-test-agents}
if ! command -v npm >/dev/null 2>&1; then
	echo "npm is not installed: the tests with real agents will be skipped"
	exit 0
fi
# name of the command, package. @latest: else npm picks an old one silently when the engine differs.
install() {
	[ -e "$dir/$1/node_modules/.bin/$1" ] && return 0
	mkdir -p "$dir/$1"
	if ! timeout 300 npm install --silent --no-fund --no-audit --prefix "$dir/$1" "$2" >/dev/null 2>&1; then
		rm -rf "${dir:?}/$1"
		echo "$2 can't be had: its tests will be skipped"
	fi
}
install claude @anthropic-ai/claude-code@latest
install opencode opencode-ai@latest
install codex @openai/codex@latest
install gemini @google/gemini-cli@latest
exit 0
