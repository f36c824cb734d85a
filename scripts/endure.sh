#!/bin/bash
# Makes happen what may happen to the program, and prints what was measured as a Markdown table.  Ends with 1 if
# anything does not hold.
#
#   scripts/endure.sh [--quick] [ROW ...]
#
# With --quick each happens once or for a few seconds, little more than a minute in all; otherwise it takes some 17. ROW
# names what alone is to happen: a function of tests/endure. Builds the program, unless JOBSTATUS_FCGI names one, and
# JOBSTATUS_FAULTY the one whose calls fail (tests/faults).
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
"$top/scripts/install-deps.sh"
work=$(mktemp -d "${TMPDIR:-/tmp}/jobstatus-endure.XXXXXX")
chmod 755 "$work"
trap 'rm -rf "$work"' EXIT
if [[ -z ${JOBSTATUS_FCGI-} ]]; then
	"$top/scripts/build.sh" "$work" jobstatus.fcgi tests/faults/faulty.fcgi
	export JOBSTATUS_FCGI=$work/build/jobstatus.fcgi JOBSTATUS_FAULTY=$work/build/tests/faults/faulty.fcgi
fi
export PYTHONPATH=$top/tests/e2e PYTHONDONTWRITEBYTECODE=1
/usr/bin/python3 "$top/tests/endure/endure.py" "$@"
