#!/bin/bash
# Installs what the tests need, builds in every way and runs all tests.
#
#   scripts/check.sh [--long]
#
# The clone stays as it is: everything is built in a temporary directory.
set -euo pipefail

long=
rounds=1
fuzz=(10)
endure=(--quick)
threads=threads
case ${1-} in
'') ;;
--long) long=yes rounds=5 fuzz=(--coverage 3600) endure=() threads=program; export JOBSTATUS_LONG=yes ;;
*) echo "usage: check.sh [--long]" >&2; exit 64 ;;
esac

top=$(cd "$(dirname "$0")/.." && pwd)
"$top/scripts/install-deps.sh"
work=$(mktemp -d "${TMPDIR:-/tmp}/jobstatus-check.XXXXXX")
chmod 755 "$work"
trap 'chmod -R u+w "$work" 2>/dev/null; rm -rf "$work"' EXIT
export PYTHONDONTWRITEBYTECODE=1
passed=0

say() {
	printf '== %s\n' "$*"
}

# Runs a command quietly; its output is shown when it fails.
quietly() {
	"$@" >"$work/log" 2>&1 || { tail -n 150 "$work/log"; echo "failed: $*" >&2; exit 1; }
}

# Builds in a directory of its own: NAME, then configure's arguments.
configure() {
	mkdir "$work/$1"
	cd "$work/$1"
	shift
	quietly ../source/configure "$@"
}

# Runs the tests of the current build, and counts what passed.
run_tests() {
	local unit e2e
	rm -f tests/unit/*.log tests/e2e/*.log
	if ! make -j"$(nproc)" check >"$work/log" 2>&1; then
		tail -n 60 "$work/log"
		tail -n 200 test-suite.log || true
		exit 1
	fi
	unit=$(sed -n 's/^100%: Checks: \([0-9]*\),.*/\1/p' tests/unit/*.log | awk '{ n += $1 } END { print n }')
	e2e=$(sed -n 's/.*\b\([0-9][0-9]*\) passed.*/\1/p' tests/e2e/run.sh.log | awk '{ n += $1 } END { print n }')
	grep -E '[0-9]+ passed' tests/e2e/run.sh.log
	echo "unit checks: $unit"
	passed=$((passed + unit + e2e))
}

say "sources"
cd "$top"
quietly clang-format --dry-run -Werror src/*.[ch] bench/*.c tests/*.c tests/unit/*.[ch] tests/faults/*.c \
	tests/fuzz/*.c tests/endure/*.c
quietly shellcheck scripts/*.sh bench/run.sh tests/*.sh tests/e2e/run.sh .ci/run completions/jobstatus-report
quietly mandoc -Tlint -Wwarning src/jobstatus.fcgi.8 src/jobstatus-report.1
# Without what a build in place has left: make would find it through VPATH and take it for its own.
left=(./.git ./autom4te.cache ./Makefile ./config.status ./build.h ./stamp-h1 .deps .dirstamp '*.o' '*.a' '*.log' '*.trs')
mkdir "$work/source"
tar "${left[@]/#/--exclude=}" -cf - . | tar -C "$work/source" -xf -
cd "$work/source"
quietly autoreconf -fi
quietly cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr \
	--error-exitcode=1 -D_GNU_SOURCE -I src src

say "clang"
configure clang CC=clang CFLAGS='-O2 -Werror'
quietly make -j"$(nproc)" jobstatus.fcgi jobstatus-report

say "fuzzers, ${fuzz[-1]} seconds each"
quietly "$work/source/scripts/fuzz.sh" "${fuzz[@]}"
[[ -z $long ]] || cat "$work/log"
passed=$((passed + $(sed -n 's/ fuzzers passed$//p' "$work/log")))

say "gcc, all tests"
configure gcc CFLAGS='-O2 -g -Werror'
quietly make -j"$(nproc)"
for ((round = 0; round < rounds; round++)); do
	run_tests
done

say "instructions a request"
quietly make tests/instructions
../source/tests/instructions.sh tests/instructions
passed=$((passed + 1))

say "endurance"
JOBSTATUS_FCGI=$PWD/jobstatus.fcgi JOBSTATUS_FAULTY=$PWD/tests/faults/faulty.fcgi \
	../source/scripts/endure.sh "${endure[@]}" >"$work/table" 2>"$work/log" || {
	cat "$work/table" "$work/log"
	exit 1
}
passed=$((passed + $(wc -l <"$work/table") - 2))

say "sanitizers, all tests of the program"
configure sanitizers --enable-sanitizers CFLAGS='-O1 -g -Werror'
quietly make -j"$(nproc)"
JOBSTATUS_E2E=program run_tests

say "thread sanitizer, $threads"
configure threads --enable-sanitizers=thread CFLAGS='-O1 -g -Werror'
quietly make -j"$(nproc)"
JOBSTATUS_E2E=$threads run_tests

say "distcheck"
cd "$work/gcc"
# From the tarball the tests marked smoke run end to end: all have run on the same sources.
quietly env JOBSTATUS_E2E=smoke make -j"$(nproc)" distcheck

say "demonstration"
# shellcheck disable=SC2016
"$top/scripts/demo.sh" -- sh -c 'curl -fsS "$JOBSTATUS_URL/apis/jobs/v2/workspaces/default/jobs/data-import-2024-06-01/status"' \
	>"$work/answer" 2>"$work/log" || { cat "$work/log"; exit 1; }
/usr/bin/python3 - "$work/answer" "$top/tests/e2e/example.json" <<'EOF'
import json, sys
answer, example = (json.load(open(path)) for path in sys.argv[1:])
sys.exit(answer != example and "the demonstration's answer is not the contract's example")
EOF
passed=$((passed + 1))

if [[ -n $long ]]; then
	say "valgrind, tests of the program"
	mkdir -m 1777 "$work/valgrind"
	cat >"$work/valgrind/jobstatus.fcgi" <<-EOF
		#!/bin/sh
		exec valgrind -q --vgdb=no --fair-sched=try --error-exitcode=99 --leak-check=full --show-leak-kinds=definite \\
			--errors-for-leak-kinds=definite --suppressions=$work/source/tests/valgrind.supp \\
			--log-file=$work/valgrind/log.%p $work/gcc/jobstatus.fcgi "\$@"
	EOF
	chmod 755 "$work/valgrind/jobstatus.fcgi"
	quietly env -u JOBSTATUS_LONG JOBSTATUS_E2E=valgrind JOBSTATUS_SANITIZED=valgrind \
		JOBSTATUS_FCGI="$work/valgrind/jobstatus.fcgi" JOBSTATUS_REPORT="$work/gcc/jobstatus-report" \
		JOBSTATUS_FAULTY="$work/gcc/tests/faults/faulty.fcgi" \
		JOBSTATUS_EMPTY="$work/gcc/tests/empty" "$work/source/tests/e2e/run.sh"
	grep -E '[0-9]+ passed' "$work/log"
	passed=$((passed + $(sed -n 's/.*\b\([0-9][0-9]*\) passed.*/\1/p' "$work/log")))
	# A process whose exit code nobody sees tells of itself here.
	quietly find "$work/valgrind" -name 'log.*' -size +0 -exec cat {} + -exec false {} +

	say "package, clients"
	quietly "$top/scripts/check-package.sh"
	quietly "$top/scripts/check-clients.sh"
	passed=$((passed + 2))
fi

echo "$passed passed, 0 failed"
