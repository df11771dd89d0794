#!/bin/sh
# Is every C file formatted as .clang-format says? With "tidy": also clang-tidy, by the checks of
# .clang-tidy, over the compile commands of a build directory (default build/release).
#
#   scripts/lint.sh
#   scripts/lint.sh tidy [BUILD]
set -eu
cd "$(dirname "$0")/.."

git ls-files -z -- '*.c' '*.h' | xargs -0 clang-format-14 --dry-run -Werror
[ "${1:-}" = tidy ] || exit 0

build=${2:-build/release}
[ -e "$build/compile_commands.json" ] || {
	echo "$build holds no build; make one with: cmake --preset release" >&2
	exit 1
}
git ls-files -z -- '*.c' ':!tests' ':!bench' |
	xargs -0 -n 8 -P "$(nproc)" clang-tidy -p "$build" --quiet
