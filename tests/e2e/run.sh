#!/bin/bash
# Runs the end-to-end tests against the program that JOBSTATUS_FCGI names.
set -euo pipefail
cd "$(dirname "$0")"
export PYTHONDONTWRITEBYTECODE=1
/usr/bin/python3 -c 'import pytest, psycopg2, requests, jsonschema' || {
	echo "python3-pytest, python3-psycopg2, python3-requests or python3-jsonschema is missing:" \
		"run scripts/install-deps.sh" >&2
	exit 1
}
for command in pg_prove wrk; do
	command -v "$command" >/dev/null || { echo "$command is missing: run scripts/install-deps.sh" >&2; exit 1; }
done
# distcheck proves the tarball; the whole suite has run on the same sources.
select=()
[[ ${JOBSTATUS_E2E-} != smoke ]] || select=(-m smoke)
exec /usr/bin/python3 -m pytest -q -p no:cacheprovider --tb=short "${select[@]}" .
