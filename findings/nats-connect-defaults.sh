#!/usr/bin/env bash
# nats-server 2.15.3: a CONNECT that leaves out "verbose" and "pedantic" turns
# both ON. Every client library sends both as false, and so people who write
# their own few lines (a shell, a microcontroller, a database's procedure) take
# false for the default: they get +OK after each line in between the messages,
# and subjects are checked for them alone.
#
# Guess: a field that is left out is false, as a Go struct's would be.
# Seen: after CONNECT {} each of CONNECT, SUB and PUB is answered +OK, and a PUB
# to a subject with a wildcard in it gets an -ERR that no library's user sees.
# For callers of seqd without an SDK: send {"verbose":false,"pedantic":false}.
set -euo pipefail
version=v2.15.3
dir=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null || true; rm -rf "$dir"' EXIT
GOBIN="$dir" go install "github.com/nats-io/nats-server/v2@$version" 2>/dev/null
"$dir/nats-server" --version

"$dir/nats-server" -a 127.0.0.1 -p -1 --ports_file_dir "$dir" -l "$dir/log" &
pid=$!
until grep -q 'Server is ready' "$dir/log" 2>/dev/null; do sleep 0.1; done
port=$(grep -o 'client connections on 127.0.0.1:[0-9]*' "$dir/log" | grep -o '[0-9]*$')

# talk counts what CONNECT, SUB, and PUB to a subject with a wildcard are answered.
talk() {
  exec 3<>"/dev/tcp/127.0.0.1/$port"
  printf '%s\r\nSUB a.b 1\r\nPUB a.* 2\r\nhi\r\nPING\r\n' "$1" >&3
  local ok=0 err=0 line
  while IFS= read -r line <&3 && [[ $line != PONG* ]]; do
    if [[ $line == +OK* ]]; then ok=$((ok + 1)); fi
    if [[ $line == -ERR* ]]; then err=$((err + 1)); fi
  done
  exec 3>&-
  printf '%s: %d +OK, %d -ERR\n' "$1" "$ok" "$err"
}
seen=$(talk 'CONNECT {}'; talk 'CONNECT {"verbose":false}'; talk 'CONNECT {"verbose":false,"pedantic":false}')
expected='CONNECT {}: 3 +OK, 1 -ERR
CONNECT {"verbose":false}: 0 +OK, 1 -ERR
CONNECT {"verbose":false,"pedantic":false}: 0 +OK, 0 -ERR'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'changed; it was: %s\n' "$expected"; exit 1; }
