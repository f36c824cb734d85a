#!/bin/bash
# Builds Python 3.13 into PREFIX, from the sources of the Debian after 12: for check-nemo.sh, on a machine that has no
# Python so new. They come from where apt has the system's packages from, checked by apt; nothing of it is installed.
#
#   scripts/build-python.sh PREFIX DIRECTORY
#
# DIRECTORY is for what is left over.
set -euo pipefail

[[ $# -eq 2 ]] || { echo "usage: build-python.sh PREFIX DIRECTORY" >&2; exit 64; }
prefix=$1 work=$2/python
top=$(cd "$(dirname "$0")/.." && pwd)
"$top/scripts/install-deps.sh" libbz2-dev libffi-dev liblzma-dev libsqlite3-dev libssl-dev zlib1g-dev
# shellcheck disable=SC2016
archive=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' |
	awk '$2 == "bookworm" && !found++ { print $1 }')
[[ -n $archive ]] || { echo "build-python.sh: apt knows no archive of Debian 12" >&2; exit 69; }

echo "building Python 3.13 ..."
mkdir -p "$work/lists/partial" "$work/archives/partial" "$work/source" "$work/build"
echo "deb-src $archive trixie main" >"$work/sources.list"
cat >"$work/apt.conf" <<EOF
Dir::Etc::SourceList "$work/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::State::Lists "$work/lists";
Dir::Cache "$work";
EOF
cd "$work"
(
	export APT_CONFIG=$work/apt.conf
	apt-get update
	apt-get source --download-only python3.13
	tar --strip-components=1 -C source -xf python3.13_*.orig.tar.xz
	cd build
	../source/configure --prefix="$prefix" --disable-test-modules
	make -j"$(nproc)"
	make install
) >"$work/log" 2>&1 || { tail -n 40 "$work/log" >&2; exit 1; }
