#!/bin/bash
# Builds the program as DIRECTORY/build/jobstatus.fcgi, or the TARGETs of make.
#
#   scripts/build.sh DIRECTORY [TARGET ...]
#
# It builds a copy of the sources, so that the clone stays as it is; without what a build in place has left, which
# make would find through VPATH and take for its own.
set -euo pipefail

directory=${1:?usage: build.sh DIRECTORY [TARGET ...]}
targets=("${@:2}")
top=$(cd "$(dirname "$0")/.." && pwd)
left=(./.git ./autom4te.cache ./Makefile ./config.status ./build.h ./stamp-h1 .deps .dirstamp '*.o' '*.a')

echo "building ..."
mkdir "$directory/source" "$directory/build"
tar -C "$top" "${left[@]/#/--exclude=}" -cf - . | tar -C "$directory/source" -xf -
(
	cd "$directory/source"
	autoreconf -fi
	cd ../build
	../source/configure
	make -j"$(nproc)" "${targets[@]:-jobstatus.fcgi}"
) >"$directory/build.log" 2>&1 || { tail -n 40 "$directory/build.log" >&2; exit 1; }
