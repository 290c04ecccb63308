# For checks that try the unit: servers, and a systemd that boots in namespaces of its
# own. A check sets name, for its messages, and sources this file; work is its folder.
# It changes nothing on this machine.
machine=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
group=seqd-check-$$
init= servers=
cleanup() {
  [ -z "$init" ] || kill -9 "$init" 2>/dev/null || true
  [ -z "$servers" ] || kill "$servers" 2>/dev/null || true
  wait 2>/dev/null || true
  for _ in $(seq 50); do # its processes take a moment to go
    find /sys/fs/cgroup -depth -type d -path "*/$group*" -exec rmdir {} + 2>/dev/null || true
    [ -n "$(find /sys/fs/cgroup -maxdepth 2 -name "$group")" ] || break
    sleep 0.1
  done
  rm -rf "$work"
}
trap cleanup EXIT

complain() { printf '%s: %s\n' "$name" "$*" >&2; exit 1; }

until_true() { # WHAT COMMAND…
  local what=$1
  shift
  for _ in $(seq 600); do
    if "$@" >/dev/null 2>&1; then return; fi
    sleep 0.1
  done
  [ -z "$init" ] || inside journalctl --no-pager -o short -u seqd | tail -40 >&2
  complain "not within 60 s: $what"
}

# can_boot fails where no machine can be booted here, and why_not says why.
can_boot() {
  why_not='not root'
  [ "$(id -u)" = 0 ] || return 1
  why_not='no namespaces of its own here'
  unshare --mount --pid --fork true 2>/dev/null
}

# start_servers SEQD: nats-server and etcd, whose addresses are $nats and $etcd, with a
# worker that is not the unit's: under another root.
start_servers() {
  SEQD_STATE_DIR=none "$1" dev --data-dir "$work/data" --nats-port 0 --etcd-port 0 --http-port 0 >"$work/dev.out" 2>"$work/dev.err" &
  servers=$!
  until_true 'seqd dev is ready' grep -q '^ready ' "$work/dev.out"
  nats=$(grep -o 'nats=[^ ]*' "$work/dev.out" | cut -d= -f2-)
  etcd=$(grep -o 'etcd=[^ ]*' "$work/dev.out" | cut -d= -f2-)
}

# boot [SEQD UNIT]: a systemd, with this program and unit or without them.
boot() {
  bash -c '
    for g in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup; do
      [ -w $g/cgroup.procs ] && mkdir -p $g/$0 && echo $$ >$g/$0/cgroup.procs
    done
    exec unshare --mount --pid --cgroup --ipc --uts --fork --kill-child "$@"' \
    "$group" "$machine/boot" "$@" </dev/null >"$work/boot.log" 2>&1 &
  init=$!
  until_true 'systemd runs' inside systemctl is-active multi-user.target
  inside systemctl start systemd-journald
}

inside() { # COMMAND…
  local pid
  pid=$(pgrep -P "$init") && nsenter -t "$pid" -m -p -C -i -u "$@"
}

is() { [ "$(inside systemctl show -P "$1" seqd)" = "$2" ]; } # PROPERTY VALUE
