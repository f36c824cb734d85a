#!/bin/bash
# Brings everything up and shows a real job's status: packages, build, a private PostgreSQL cluster, schema,
# sample data and lighttpd in front of the program, on 127.0.0.1.
#
#   scripts/demo.sh [--port N] [-- COMMAND ...]
#
# With COMMAND, runs it with JOBSTATUS_URL set, takes everything down and exits with its status. Without, it
# stays until Ctrl-C. Either way it leaves nothing behind.
set -euo pipefail

port=
while [[ $# -gt 0 ]]; do
	case $1 in
	--port) port=${2-}; shift 2 || { echo "demo.sh: --port: the value is missing" >&2; exit 64; } ;;
	--port=*) port=${1#*=}; shift ;;
	--) shift; break ;;
	*) echo "usage: demo.sh [--port N] [-- COMMAND ...]" >&2; exit 64 ;;
	esac
done
if [[ -n $port && ! ($port =~ ^[0-9]{1,5}$ && $port -ge 1 && $port -le 65535) ]]; then
	echo "demo.sh: --port: \"$port\" is not a port" >&2
	exit 64
fi
command=("$@")

top=$(cd "$(dirname "$0")/.." && pwd)
# COMMAND's output alone goes to standard output.
exec 3>&1
[[ ${#command[@]} -eq 0 ]] || exec 1>&2

in_use() {
	(exec 9<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

choose_port() {
	if [[ -n $port || ${#command[@]} -eq 0 ]]; then
		port=${port:-8080}
		if in_use "$port"; then
			echo "demo.sh: port $port of 127.0.0.1 is taken: choose another with --port" >&2
			exit 69
		fi
		return
	fi
	port=8080
	while in_use "$port"; do
		port=$((20000 + RANDOM % 20000))
	done
}

directory=
running=
mover=
lighttpd=
postgres=

# Ends a process and waits until it is gone.
end() {
	local signal=$1 pid=$2 i
	[[ -n $pid ]] || return 0
	kill -"$signal" "$pid" 2>/dev/null || return 0
	for ((i = 0; i < 500; i++)); do
		[[ -e /proc/$pid && $(ps -o stat= -p "$pid" 2>/dev/null) != Z* ]] || return 0
		sleep 0.02
	done
	kill -KILL "$pid" 2>/dev/null || true
}

leave() {
	trap '' INT TERM
	end TERM "$running"
	[[ -z $mover ]] || { kill "$mover" 2>/dev/null || true; wait "$mover" 2>/dev/null || true; }
	end TERM "$lighttpd"
	end INT "$postgres"
	[[ -z $directory ]] || rm -rf "$directory"
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

sql() {
	psql -X -q -v ON_ERROR_STOP=1 -h "$directory/pg" -U postgres -d jobstatus "$@"
}

start_postgres() {
	local bin i ready="" as_postgres=()
	bin=$(find /usr/lib/postgresql -maxdepth 2 -name bin | sort -V | tail -n 1)
	mkdir "$directory/pg"
	if [[ $(id -u) -eq 0 ]]; then
		# It replaces itself, so that the process started here is PostgreSQL's own.
		as_postgres=(setpriv --reuid=postgres --regid=postgres --init-groups --)
		chown postgres "$directory/pg"
	fi
	cd /
	"${as_postgres[@]}" "$bin/initdb" -D "$directory/pg/data" -A trust -U postgres -E UTF8 \
		--locale=C.UTF-8 -N >"$directory/initdb.log" 2>&1 || { cat "$directory/initdb.log" >&2; exit 1; }
	"${as_postgres[@]}" "$bin/postgres" -D "$directory/pg/data" -c listen_addresses= \
		-c unix_socket_directories="$directory/pg" >"$directory/postgres.log" 2>&1 </dev/null &
	postgres=$!
	for ((i = 0; i < 1500; i++)); do
		if psql -X -q -h "$directory/pg" -U postgres -d postgres -c 'select 1' >/dev/null 2>&1; then
			ready=yes
			break
		fi
		kill -0 "$postgres" 2>/dev/null || break
		sleep 0.02
	done
	[[ -n $ready ]] || { cat "$directory/postgres.log" >&2; exit 1; }
	psql -X -q -h "$directory/pg" -U postgres -d postgres -c 'create database jobstatus'
	for file in schema roles reporting history demo; do
		sql -f "$top/sql/$file.sql"
	done
	sql -c 'create role demo login in role jobstatus_reader; create role mover login in role jobstatus_writer'
}

start_lighttpd() {
	local i
	# The installed sample, with this directory's paths.
	sed -e "s|@programdir@|$directory/build|" -e "s|/run/lighttpd/jobstatus.sock|$directory/fcgi.sock|" \
		-e "s|dbname=jobstatus|host=$directory/pg dbname=jobstatus user=demo|" \
		"$top/lighttpd/jobstatus.conf.in" >"$directory/jobstatus.conf"
	cat >"$directory/lighttpd.conf" <<-EOF
		server.document-root = "$directory/empty"
		server.bind = "127.0.0.1"
		server.port = $port
		server.errorlog = "$directory/lighttpd.log"
		server.breakagelog = "$directory/jobstatus.log"
		server.modules = ()
		include "$directory/jobstatus.conf"
	EOF
	mkdir "$directory/empty"
	/usr/sbin/lighttpd -D -f "$directory/lighttpd.conf" >"$directory/lighttpd.out" 2>&1 </dev/null &
	lighttpd=$!
	for ((i = 0; i < 500; i++)); do
		! curl -fsS -o "$directory/example" "$url$example" 2>/dev/null || return 0
		kill -0 "$lighttpd" 2>/dev/null || break
		sleep 0.02
	done
	cat "$directory/lighttpd.out" "$directory/lighttpd.log" "$directory/jobstatus.log" >&2 || true
	exit 1
}

report() {
	"$directory/build/jobstatus-report" "$@" >/dev/null 2>&1 || true
}

# Keeps one job moving, ten percent a second: when it is completed, it is run again.
move() {
	local job=default/moving-target percent=0 status
	export JOBSTATUS_DATABASE="host=$directory/pg dbname=jobstatus user=mover" JOBSTATUS_TIMEOUT=1
	trap 'kill $(jobs -p) 2>/dev/null; exit 0' TERM
	while sleep 1 & wait $!; do
		percent=$(((percent + 10) % 110))
		if [[ $percent -eq 0 ]]; then
			report rerun "$job"
			report details "$job" '{"progress": "0%"}'
			continue
		fi
		status=active
		[[ $percent -lt 100 ]] || status=completed
		report step "$job" count active
		report task "$job" count counter "$status" --details="{\"counted\": $percent}"
		report details "$job" "{\"progress\": \"$percent%\"}"
		report step "$job" count "$status" --details="{\"counted\": $percent}"
	done
}

"$top/scripts/install-deps.sh"
choose_port
url=http://127.0.0.1:$port
example=/apis/jobs/v2/workspaces/default/jobs/data-import-2024-06-01/status
directory=$(mktemp -d "${TMPDIR:-/tmp}/jobstatus-demo.XXXXXX")
chmod 755 "$directory"
"$top/scripts/build.sh" "$directory" jobstatus.fcgi jobstatus-report
start_postgres
start_lighttpd
move 3>&- &
mover=$!

if [[ ${#command[@]} -gt 0 ]]; then
	status=0
	# In the background, so that a signal is taken at once and not when COMMAND ends.
	JOBSTATUS_URL=$url "${command[@]}" <&0 >&3 &
	running=$!
	wait "$running" || status=$?
	running=
	exit "$status"
fi
cat <<EOF
jobstatus answers at $url

    curl $url$example

EOF
cat "$directory/example"
cat <<EOF


A job that moves:

    curl $url/apis/jobs/v2/workspaces/default/jobs/moving-target/status

Ctrl-C ends it all.
EOF
wait "$lighttpd"
