#!/bin/bash
# Compares the instructions of a request, as callgrind counts them, with those that are written down.
#
#   tests/instructions.sh PROGRAM
#
# PROGRAM is tests/instructions, built with gcc 12 and -O2. More than 5 % over what tests/instructions.expected says
# fails; less than that is told, for the figure to be lowered.
set -euo pipefail

program=${1:?usage: instructions.sh PROGRAM}
expected=$(dirname "$0")/instructions.expected
# The same functions of libc on every processor.
export GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX512F,-AVX2,-AVX,-ERMS

# The instructions of N requests of a KIND, start and end included.
count() {
	valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" "$1" "$2" 2>&1 >/dev/null |
		sed -n 's/.*Collected : \([0-9]*\)$/\1/p'
}

status=0
while read -r kind most; do
	[[ $kind != '#'* ]] || continue
	counted=$((($(count "$kind" 300) - $(count "$kind" 100)) / 200))
	echo "$kind: $counted instructions a request, $most written down"
	if ((counted * 100 > most * 105)); then
		echo "instructions.sh: $kind takes over 5 % more than it did" >&2
		status=1
	elif ((counted * 100 < most * 95)); then
		echo "instructions.sh: lower the figure of $kind in tests/instructions.expected" >&2
	fi
done <"$expected"
exit "$status"
