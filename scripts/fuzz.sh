#!/bin/bash
# Builds the fuzzers of tests/fuzz with the address and undefined behaviour sanitizers, and runs each for so many
# seconds, from its corpus.
#
#   scripts/fuzz.sh [--coverage] SECONDS
#
# With --coverage it says then how much of the rooms under test what was found reaches. An input that breaks something
# ends it with 1, and is shown as base64.
set -euo pipefail

coverage=
[[ ${1-} != --coverage ]] || { coverage=yes; shift; }
[[ $# -eq 1 && $1 =~ ^[1-9][0-9]*$ ]] || { echo "usage: fuzz.sh [--coverage] SECONDS" >&2; exit 64; }
seconds=$1

top=$(cd "$(dirname "$0")/.." && pwd)
"$top/scripts/install-deps.sh" ${coverage:+llvm}
work=$(mktemp -d "${TMPDIR:-/tmp}/jobstatus-fuzz.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"

# Each with the rooms of src that it needs.
declare -A rooms=(
	[request]="request utf8" [members]="members" [tag]="tag body log utf8" [response]="response tag body log utf8"
	[document]="document body members timestamp log utf8" [exchange]="exchange gate log utf8"
)
read -ra flags < <(pkg-config --cflags --libs json-c libxxhash)

# Builds the fuzzer of TARGET as FILE with more FLAGS.
build() {
	local target=$1 file=$2 sources
	read -ra sources <<<"${rooms[$target]}"
	sources=("${sources[@]/#/$top/src/}")
	clang -std=gnu11 -D_GNU_SOURCE -O1 -g -Wall -Wextra -Wshadow -Wconversion -Werror -fno-sanitize-recover=all \
		"-I$top/src" "-I$top/tests/unit" "${@:3}" "$top/tests/fuzz/fuzz_$target.c" "${sources[@]/%/.c}" \
		"${flags[@]}" -lfcgi -o "$file"
}

# Runs all that was found once more, and says which lines of the rooms that reaches.
cover() {
	local target=$1
	build "$target" "cover_$target" -fsanitize=fuzzer -fprofile-instr-generate -fcoverage-mapping
	LLVM_PROFILE_FILE=$target.raw "./cover_$target" -runs=0 "corpus_$target" "$top/tests/fuzz/corpus/$target" 2>log
	llvm-profdata merge -o "$target.data" "$target.raw"
	echo "$target, $(find "corpus_$target" -type f | wc -l) inputs found:"
	llvm-cov export -summary-only "cover_$target" "-instr-profile=$target.data" | /usr/bin/python3 -c '
import json, os, sys
for file in json.load(sys.stdin)["data"][0]["files"]:
    lines = file["summary"]["lines"]
    if "/src/" in file["filename"] and lines["covered"]:
        print("  %s: %d of %d lines" % (os.path.basename(file["filename"]), lines["covered"], lines["count"]))'
}

for target in "${!rooms[@]}"; do
	mkdir "corpus_$target"
	build "$target" "fuzz_$target" -fsanitize=fuzzer,address,undefined
done
printf '%s\n' "${!rooms[@]}" | xargs --max-procs="$(nproc)" -I{} env "./fuzz_{}" "-max_total_time=$seconds" -max_len=1000 \
	-verbosity=0 "corpus_{}" "$top/tests/fuzz/corpus/{}" >log 2>&1 || { cat log; exit 1; }
if [[ -n $coverage ]]; then
	for target in "${!rooms[@]}"; do
		cover "$target"
	done
fi
echo "${#rooms[@]} fuzzers passed"
