#!/bin/bash
# Measures the program on this machine, with everything in one run: its reads behind nginx and without it, full (F), of an
# unchanged job (U) and answered 304 (N), beside an empty responder of the same threading behind the same nginx (H) and
# the two statements in pgbench (P, V).
#
#   bench/run.sh [nemo|reports|growth|peers] [--rounds N] [--seconds N] [--jobs N]
#
# With "nemo" as the first word: reads of a NeMo Platform's tables beside reads of our own with the same jobs.  With
# "reports": the reporting functions beside bare updates, and reads while reports come in.  With "growth": more jobs, up to
# --jobs of them, more tasks, threads and processes, the start, and memory at rest.  With "peers": services that others
# would write, on the same database.  Prints a Markdown table, and writes it with the raw figures to bench/results/.
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
"$top/scripts/install-deps.sh"
work=$(mktemp -d "${TMPDIR:-/tmp}/jobstatus-bench.XXXXXX")
chmod 755 "$work"
trap 'rm -rf "$work"' EXIT
"$top/scripts/build.sh" "$work" jobstatus.fcgi tests/empty
export JOBSTATUS_FCGI=$work/build/jobstatus.fcgi JOBSTATUS_EMPTY=$work/build/tests/empty
gcc -O2 -D_GNU_SOURCE -o "$work/fcgi_load" "$top/bench/fcgi_load.c"
export JOBSTATUS_LOAD=$work/fcgi_load
export PYTHONPATH=$top/tests/e2e PYTHONDONTWRITEBYTECODE=1
case ${1-} in
nemo) what=nemo_platform; shift ;;
reports | growth | peers) what=$1; shift ;;
*) what=measure ;;
esac
if [[ $what == peers ]]; then
	mapfile -t node < <(command -v npm >/dev/null || printf '%s\n' nodejs npm)
	"$top/scripts/install-deps.sh" python3-fastapi python3-asyncpg python3-uvicorn python3-uvloop python3-httptools "${node[@]}" ||
		echo "run.sh: not all of the peers can be installed" >&2
fi
PYTHONPATH=$PYTHONPATH:$top/bench /usr/bin/python3 "$top/bench/$what.py" "$@"
