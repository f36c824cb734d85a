#!/bin/bash
# Compares the program with a real NeMo Platform on one database: every job's status, with --compat=nemo-platform and
# without, the gateway's sample with the platform's own client before it, and how fast both are.
#
#   scripts/check-nemo.sh [--venv DIRECTORY] [--python COMMAND]
#
# The platform is installed from its published package into DIRECTORY (default: $XDG_CACHE_HOME/jobstatus or
# ~/.cache/jobstatus), 2.5 GB that stay for the next run; that takes some minutes, and the rest less than 20. It needs
# Python 3.12 or 3.13, which Debian 12 lacks: COMMAND, or one that is found, or one built from Debian's later sources
# into DIRECTORY. pip's own configuration says where packages come from. The clone stays as it is, and no process is
# left. Exit status 1 when anything differs.
set -euo pipefail

platform='nemo-platform[services]==0.6.0'
store=${XDG_CACHE_HOME:-$HOME/.cache}/jobstatus/nemo-platform
python=
usage() {
	echo "usage: check-nemo.sh [--venv DIRECTORY] [--python COMMAND]" >&2
	exit 64
}
while [[ $# -gt 0 ]]; do
	case $1 in
	--venv) store=${2:?check-nemo.sh: --venv: the value is missing} ;;
	--python) python=${2:?check-nemo.sh: --python: the value is missing} ;;
	*) usage ;;
	esac
	shift 2
done

top=$(cd "$(dirname "$0")/.." && pwd)
versions=$top/tests/nemo/constraints.txt
"$top/scripts/install-deps.sh"
mkdir -p "$store"
store=$(cd "$store" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/jobstatus-nemo.XXXXXX")
chmod 755 "$work"
running=
leave() {
	trap '' INT TERM
	[[ -z $running ]] || { kill "$running" 2>/dev/null && wait "$running"; } || true
	rm -rf "$work"
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fits() {
	"$1" -c 'import sys, venv, ensurepip, ssl, sqlite3, ctypes, lzma, bz2
sys.exit(not (3, 12) <= sys.version_info < (3, 14))' 2>/dev/null
}

find_python() {
	local candidate
	for candidate in python3.13 python3.12 python3 "$store/python/bin/python3" \
		"${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[23].*/bin/python3; do
		! fits "$candidate" || { python=$candidate; return; }
	done
	"$top/scripts/build-python.sh" "$store/python" "$work"
	python=$store/python/bin/python3
}

# What the platform's command keeps is not the caller's, and it tells nobody.
nemo() {
	HOME=$work NEMO_TELEMETRY_ENABLED=false "$store/venv/bin/nemo" "$@"
}

# The last thing that is written says that all of it is there; it may have been spoilt since.
installed() {
	cmp -s "$versions" "$store/installed" && nemo --version >/dev/null 2>&1
}

if ! installed; then
	[[ -n $python ]] || find_python
	fits "$python" || { echo "check-nemo.sh: $python is no whole Python 3.12 or 3.13" >&2; exit 69; }
	echo "installing the platform into $store ..."
	rm -rf "$store/installed" "$store/venv"
	"$python" -m venv "$store/venv"
	install() {
		"$store/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$platform" "$@"
	}
	install -c "$versions" || install 'sqlalchemy<2.1' # should one of the versions be had no more
	nemo --version >/dev/null
	cp "$versions" "$store/installed"
fi

"$top/scripts/build.sh" "$work"
"$store/venv/bin/python" -B "$top/tests/nemo/ingress.py" "$top/kubernetes/nemo-ingress.yaml"
export JOBSTATUS_FCGI=$work/build/jobstatus.fcgi PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$top/tests/e2e
# In the background, so that a signal is taken at once.
/usr/bin/python3 "$top/tests/nemo/check.py" "$store/venv" &
running=$!
wait "$running"
