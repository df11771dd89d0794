#!/bin/sh
# Installs what is missing, builds, runs every test.
#
#   ./test.sh                      the release build
#   ./test.sh gcc clang-sanitize   these presets (CMakePresets.json), one after the other
#   ./test.sh -R 'unit|fuzz' gcc   only tests whose name matches
#   JOBS=4 ./test.sh               how many tests run at once (default: twice the processors,
#                                  most of them wait)
#   REPEAT=2 ./test.sh             a test that fails is tried again, up to so often in all
set -eu
cd "$(dirname "$0")"

only=
while getopts R:h option; do
	case $option in
	R) only=$OPTARG ;;
	*)
		sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2
		[ "$option" = h ] && exit 0
		exit 2
		;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || set -- release

cpus=$(nproc)
jobs=${JOBS:-$((cpus * 2))}
what=test
for preset; do
	case $preset in clang* | fuzz) what=ci ;; esac
done
sh scripts/install-deps.sh "$what"

for preset; do
	echo "== $preset: build"
	cmake --preset "$preset" >"${TMPDIR:-/tmp}/nono-configure.$$" 2>&1 || {
		cat "${TMPDIR:-/tmp}/nono-configure.$$"
		rm -f "${TMPDIR:-/tmp}/nono-configure.$$"
		exit 1
	}
	rm -f "${TMPDIR:-/tmp}/nono-configure.$$"
	cmake --build --preset "$preset" --parallel "$cpus"
	echo "== $preset: test"
	ctest --test-dir "build/$preset" --parallel "$jobs" --output-on-failure --no-tests=error \
		${REPEAT:+--repeat until-pass:"$REPEAT"} ${only:+-R "$only"} ${SKIP:+-E "$SKIP"} </dev/null
done
