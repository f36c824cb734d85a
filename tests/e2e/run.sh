#!/bin/bash
# Runs the end-to-end tests against the program that JOBSTATUS_FCGI names.
set -euo pipefail
cd "$(dirname "$0")"
export PYTHONDONTWRITEBYTECODE=1
/usr/bin/python3 -c 'import pytest, xdist, psycopg2, requests, jsonschema' || {
	echo "python3-pytest, python3-pytest-xdist, python3-psycopg2, python3-requests or python3-jsonschema is missing:" \
		"run scripts/install-deps.sh" >&2
	exit 1
}
for command in pg_prove promtool wrk; do
	command -v "$command" >/dev/null || { echo "$command is missing: run scripts/install-deps.sh" >&2; exit 1; }
done

tests() {
	/usr/bin/python3 -m pytest -q -p no:cacheprovider --tb=short "$@" .
}

# All of them, unless another build of the same sources has run the whole suite.
case ${JOBSTATUS_E2E-} in
smoke) tests -m smoke; exit ;;
valgrind) tests -m "not alone and not any_build and not native" --numprocesses="$(($(nproc) + 1))" --dist=loadfile; exit ;;
threads) tests -m threads --numprocesses="$(($(nproc) + 1))" --dist=loadfile; exit ;;
program) only='and not any_build' ;;
*) only= ;;
esac
# Most of them wait more than they work.
tests -m "not alone $only" --numprocesses="$(($(nproc) + 1))" --dist=loadfile
tests -m "alone $only"
