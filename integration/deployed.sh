#!/usr/bin/env bash
# Measures seqd as it is deployed, each part a process of its own and the callers
# in another: nats-server, etcd, workers, who echoes, who asks. For each number of
# workers it prints rates and latencies beside a bare echo's, and how far the goals
# are met. With one and four workers it takes about four minutes, and it ends by
# itself; nothing is left behind.
#
#   integration/deployed.sh [-w WORKERS,…] [-d FOLDER] [FLAGS OF seqd bench deployed]
#
# FOLDER is on the disk to measure; the default is the working folder.
#
#   integration/deployed.sh -w 1,4,8 --rounds 3
#   integration/deployed.sh -w 4 --json >deployed.json
set -euo pipefail

workers=1,4 parent=$PWD
while [ $# -gt 1 ]; do
	case $1 in
	-w) workers=$2 ;;
	-d) parent=$(cd "$2" && pwd) ;;
	*) break ;; # it is for seqd
	esac
	shift 2
done
cd "$(dirname "$0")/.."
dir=$(mktemp -d "$parent/seqd-deployed-XXXXXX")
pids=()
end() {
	for ((i = ${#pids[@]} - 1; i >= 0; i--)); do # the workers before what they stand on
		kill "${pids[i]}" 2>/dev/null || true
		wait "${pids[i]}" 2>/dev/null || true
	done
	pids=()
}
trap 'end; rm -rf "$dir"' EXIT
trap exit INT TERM
unset "${!SEQD_@}" "${!NATS_@}"
export XDG_STATE_HOME=$dir/state # no fence of this machine's is meant here

echo "building" >&2
go build -o "$dir/bin/" ./cmd/seqd github.com/nats-io/nats-server/v2
etcd=go.etcd.io/etcd/server/v3
etcd_version=$(go list -m -f '{{.Version}}' $etcd)
mkdir "$dir/module" # etcd's main needs modules that go.mod here has no use for
(
	cd "$dir/module"
	printf 'module deployed\n\ngo 1.26\n' >go.mod
	export GOWORK=off
	go get "$etcd@$etcd_version" 2>/dev/null
	go build -o "$dir/bin/etcd" $etcd
)

begin() { # NAME COMMAND …: in the background, with a log of its own
	local name=$1
	shift
	"$@" >"$dir/$name.log" 2>&1 &
	pids+=($!)
}

until_true() { # WHAT COMMAND …: within half a minute
	local what=$1 by=$((SECONDS + 30))
	shift
	until "$@" >/dev/null 2>&1; do
		if [ $SECONDS -ge $by ]; then
			echo "$what did not come up; the logs:" >&2
			tail -n 5 "$dir"/*.log >&2
			exit 1
		fi
		sleep 0.1
	done
}

free_ports() { # COUNT
	python3 -c '
import socket, sys
all = [socket.socket() for _ in range(int(sys.argv[1]))]
for s in all:
    s.bind(("127.0.0.1", 0))
print(*(s.getsockname()[1] for s in all))' "$1"
}

cat >"$dir/seqd.yaml" <<YAML
stores:
  bench: {}
  leased: {strong: {lease: 3s}}
YAML

measure() { # HOW MANY WORKERS, FLAGS …
	local n=$1 ports
	shift
	read -ra ports <<<"$(free_ports $((n + 3)))"
	local nats=nats://127.0.0.1:${ports[0]} etcd=127.0.0.1:${ports[1]}
	begin nats "$dir/bin/nats-server" -a 127.0.0.1 -p "${ports[0]}"
	until_true nats-server grep -q "Server is ready" "$dir/nats.log"
	begin etcd "$dir/bin/etcd" --data-dir "$dir/etcd-$n" --listen-client-urls "http://$etcd" --advertise-client-urls "http://$etcd" \
		--listen-peer-urls "http://127.0.0.1:${ports[2]}" --initial-advertise-peer-urls "http://127.0.0.1:${ports[2]}" \
		--initial-cluster "default=http://127.0.0.1:${ports[2]}" \
		--auto-compaction-mode revision --auto-compaction-retention 1000 --quota-backend-bytes 8589934592 --log-level error
	local i
	for ((i = 1; i <= n; i++)); do
		begin "worker-$i" "$dir/bin/seqd" worker --config "$dir/seqd.yaml" --nats-url "$nats" --etcd-endpoints "$etcd" \
			--http-addr "127.0.0.1:${ports[2 + i]}" --state-dir none --log-level warn
	done
	begin echo "$dir/bin/seqd" bench echo --nats-url "$nats"
	for ((i = 1; i <= n; i++)); do
		until_true "worker $i" "$dir/bin/seqd" health --http-addr "127.0.0.1:${ports[2 + i]}"
	done
	until_true "the echo" grep -q answering "$dir/echo.log"
	until_true "a leased id" "$dir/bin/seqd" next leased ready --mode strong --nats-url "$nats"
	timeout 900 "$dir/bin/seqd" bench deployed --goals --peers echo,weak:bench,strong:bench,leased:leased --nats-url "$nats" "$@"
	end
	rm -rf "$dir/etcd-$n"
}

for n in ${workers//,/ }; do
	echo "workers: $n" >&2
	measure "$n" "$@"
done
