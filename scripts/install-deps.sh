#!/bin/sh
# Installs the Debian packages that building (build), testing (test) or the checks of CI (ci) need:
# only what is missing, without asking anything. Does nothing where everything is there.
set -eu

# Archives: libuv_a.a, libseccomp.a, libcrypto.a, libvterm.a, libtinfo.a, libyaml.a, libssl.a, libnghttp2.a,
# libhttp_parser.a, libcares.a, libzstd.a; libcjson comes shared only.
build="gcc libc6-dev cmake ninja-build pkg-config git libuv1-dev libvterm-dev libseccomp-dev
	libcjson-dev libyaml-dev libssl-dev libncurses-dev
	libnghttp2-dev libhttp-parser-dev libc-ares-dev libzstd-dev libsecret-1-dev libcurl4-openssl-dev"
test="libcmocka-dev btrfs-progs python3 python3-venv python3-setuptools python3-pytest tmux procps make autoconf automake"
# A network namespace with an ssh server in it; dropbear-bin starts no service. A token and a bus that keys lie in.
ci="clang libclang-rt-14-dev clang-format-14 clang-tidy iproute2 openssh-client dropbear-bin
	softhsm2 libengine-pkcs11-openssl dbus-daemon python3-dbus python3-gi"

case ${1:-build} in
build) want=$build ;;
test) want="$build $test" ;;
ci) want="$build $test $ci" ;;
*)
	echo "usage: scripts/install-deps.sh [build|test|ci]" >&2
	exit 2
	;;
esac

if ! command -v dpkg-query >/dev/null 2>&1; then
	echo "This is no Debian: install these yourself, under the names your system has for them:" >&2
	echo $want >&2
	exit 0
fi

missing=
for p in $want; do
	case $(dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null) in
	installed*) ;;
	*) missing="$missing $p" ;;
	esac
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
	root=
elif ! command -v sudo >/dev/null 2>&1; then
	echo "Missing packages, and neither root nor sudo to install them. As root:" >&2
	echo "  apt-get install$missing" >&2
	exit 1
elif sudo -n true 2>/dev/null; then
	root="sudo -n"
elif [ -t 0 ]; then
	echo "sudo is needed to install:$missing"
	root=sudo
else
	echo "Missing packages, and sudo wants a password where nobody can type one. As root:" >&2
	echo "  apt-get install$missing" >&2
	exit 1
fi

echo "installing:$missing"
quiet() {
	log=$(mktemp)
	if ! "$@" >"$log" 2>&1 </dev/null; then
		cat "$log" >&2
		rm -f "$log"
		return 1
	fi
	rm -f "$log"
}
apt="env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300"
# A mirror that can't be reached need not matter: what is there may be enough.
quiet $root $apt -o Acquire::Retries=3 update || echo "apt-get update failed; trying with what is known" >&2
quiet $root $apt -o Acquire::Retries=3 install --no-install-recommends $missing
