#!/bin/bash
# Installs what build, tests and demonstration need, and each PACKAGE: Debian's packages, without the recommended
# ones, without creating a database cluster, and without leaving a service running that was not there before.
#
#   scripts/install-deps.sh [PACKAGE ...]
set -euo pipefail

packages=(
	autoconf automake build-essential pkg-config libfcgi-dev libjson-c-dev libpq-dev libxxhash-dev
	check clang clang-format cppcheck lcov libclang-rt-14-dev mandoc shellcheck
	python3 python3-jsonschema python3-psycopg2 python3-pytest python3-pytest-xdist python3-requests valgrind
	apache2 libapache2-mod-fcgid lighttpd lighttpd-mod-deflate nginx-light spawn-fcgi multiwatch
	ca-certificates curl pgbouncer pgtap postgresql postgresql-client procps prometheus systemd util-linux wrk xz-utils
	"$@"
)

missing() {
	local package
	for package in "${packages[@]}"; do
		[[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
			printf '%s\n' "$package"
	done
}

mapfile -t wanted < <(missing)
[[ ${#wanted[@]} -gt 0 ]] || exit 0

sudo=()
if [[ $(id -u) -ne 0 ]]; then
	command -v sudo >/dev/null || { echo "install-deps.sh: needs root or sudo" >&2; exit 1; }
	sudo=(sudo)
fi

policy=/usr/sbin/policy-rc.d
cluster=/etc/postgresql-common/createcluster.conf
default=/usr/share/postgresql-common/createcluster.conf
saved=$(mktemp -d)

# Puts a file back as it was before, or removes it.
restore() {
	local file=$1 name
	name=$(basename "$file")
	if [[ -e $saved/$name ]]; then
		"${sudo[@]}" cp -p "$saved/$name" "$file"
	elif [[ -e $saved/$name.absent ]]; then
		"${sudo[@]}" rm -f "$file"
	fi
}

leave() {
	restore "$policy"
	restore "$cluster"
	# Where there was none before, the package's own takes the place of ours.
	if [[ -e $saved/createcluster.conf.absent && -e $default ]]; then
		"${sudo[@]}" cp "$default" "$cluster"
		"${sudo[@]}" rm -f "$cluster.ucf-dist"
	fi
	"${sudo[@]}" rm -rf "$saved"
}
trap leave EXIT

for file in "$policy" "$cluster"; do
	if [[ -e $file ]]; then
		"${sudo[@]}" cp -p "$file" "$saved/"
	else
		touch "$saved/$(basename "$file").absent"
	fi
done

printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" tee "$policy" >/dev/null
"${sudo[@]}" chmod 755 "$policy"
"${sudo[@]}" mkdir -p "$(dirname "$cluster")"
echo 'create_main_cluster = false' | "${sudo[@]}" tee -a "$cluster" >/dev/null

"${sudo[@]}" apt-get update -qq
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
	-o Dpkg::Options::=--force-confold "${wanted[@]}" >"$saved/log" 2>&1 || {
	cat "$saved/log" >&2
	exit 1
}

# Nor does what is new here start with the machine.
for service in apache2 lighttpd nginx pgbouncer; do
	case " ${wanted[*]} " in
	*" $service "* | *" $service-light "*) "${sudo[@]}" update-rc.d "$service" disable >/dev/null 2>&1 || true ;;
	esac
done
