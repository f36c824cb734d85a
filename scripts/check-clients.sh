#!/bin/bash
# Runs the contract's clients, in each of its languages, against the program behind lighttpd, Apache and nginx.
#
#   scripts/check-clients.sh
#
# It prints a table: who was run, or replayed, and what came of it. The clone stays as it is, and nothing is left.
set -euo pipefail

[[ $# -eq 0 ]] || { echo "usage: check-clients.sh" >&2; exit 64; }
top=$(cd "$(dirname "$0")/.." && pwd)
"$top/scripts/install-deps.sh" nodejs golang-go ruby default-jdk-headless libunirest-java-java \
	php-cli php-curl php-guzzlehttp-guzzle
work=$(mktemp -d "${TMPDIR:-/tmp}/jobstatus-clients.XXXXXX")
chmod 755 "$work"
trap 'rm -rf "$work"' EXIT
"$top/scripts/build.sh" "$work"

# The plugin conftest is that of tests/e2e: its PostgreSQL, program and web servers.
cd "$top/tests/clients"
export JOBSTATUS_FCGI=$work/build/jobstatus.fcgi PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$top/tests/e2e
/usr/bin/python3 -m pytest -q -p no:cacheprovider -p conftest -o console_output_style=classic \
	--tb=short --basetemp="$work/pytest" .
