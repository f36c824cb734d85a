#!/bin/bash
# Builds the Debian package from a clean copy, examines it with lintian and lists what is in it.
#
#   scripts/check-package.sh [DIRECTORY]
#
# The package is built in a temporary directory, and copied to DIRECTORY if there is one. It is not installed:
# CONTRIBUTING.md says how to try that where nothing can be spoilt.
set -euo pipefail

[[ $# -le 1 && ( $# -eq 0 || -d $1 ) ]] || { echo "usage: check-package.sh [DIRECTORY]" >&2; exit 64; }
[[ $# -eq 0 ]] || target=$(cd "$1" && pwd)

top=$(cd "$(dirname "$0")/.." && pwd)
[[ -d $top/debian ]] || { echo "check-package.sh: debian/ comes with a clone, not with the tarball" >&2; exit 66; }
"$top/scripts/install-deps.sh" debhelper dpkg-dev lintian
work=$(mktemp -d "${TMPDIR:-/tmp}/jobstatus-package.XXXXXX")
trap 'rm -rf "$work"' EXIT

echo "== sources"
cd "$top"
shellcheck debian/jobstatus.p* debian/tests/front
# Without what a build in place has left: make would take it for its own.
left=(./.git ./autom4te.cache ./Makefile ./config.status ./build.h ./stamp-h1 ./samples.paths .deps .dirstamp
	'*.o' '*.a' '*.log' '*.trs' ./debian/.debhelper ./debian/jobstatus ./debian/debhelper-build-stamp)
mkdir "$work/jobstatus"
tar "${left[@]/#/--exclude=}" -cf - . | tar -C "$work/jobstatus" -xf -

echo "== build"
cd "$work/jobstatus"
dpkg-buildpackage -us -uc -b >"$work/log" 2>&1 || { tail -n 100 "$work/log"; exit 1; }
grep '^# \(PASS\|FAIL\|ERROR\):' "$work/log"

echo "== lintian"
cd "$work"
# It leaves files of its own in the temporary directory.
TMPDIR=$work lintian --allow-root --fail-on error,warning ./*.changes

echo "== contents"
package=$(echo jobstatus_*.deb)
dpkg-deb --info "$package" | sed -n 's/^ \(Depends\|Suggests\): /&/p'
dpkg-deb --contents "$package" | awk '$1 !~ /^d/ { print $1, $6 }'
# What the samples name is in the package, and nothing configured was left out.
dpkg-deb --extract "$package" root
named=$(grep -rhoE '/[a-z/]+/jobstatus\.fcgi' root/lib root/usr/share/doc/jobstatus/examples | sort -u)
[[ $named == /usr/libexec/jobstatus/jobstatus.fcgi && -x root$named ]] || {
	echo "check-package.sh: the samples name \"$named\"" >&2
	exit 1
}
[[ $(root/usr/bin/jobstatus-report --version) == jobstatus-report\ * ]] || {
	echo "check-package.sh: jobstatus-report does not run" >&2
	exit 1
}
if grep -rnE '@[a-z]+@' root/lib root/usr/share/doc/jobstatus/examples; then
	echo "check-package.sh: not configured" >&2
	exit 1
fi
[[ -z ${target-} ]] || cp "$package" "$target/"
echo "$package is well"
