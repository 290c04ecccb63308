#!/usr/bin/env bash
# etcdctl 3.7.3: a subcommand that is gone, or that never was, ends with exit
# code 0. `etcdctl snapshot status` and `snapshot restore` moved to etcdutl; a
# backup script which still checks its file with etcdctl gets a page of help, and
# success, whatever the file holds. At the top level an unknown command fails.
#
# Guess: an unknown subcommand is an error. Seen: it is not.
# For seqd's operators: check a backup with `etcdutl snapshot status`.
set -euo pipefail
version=v3.7.3
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"
go mod init finding >/dev/null 2>&1
go get -tool "go.etcd.io/etcd/etcdctl/v3@$version" >/dev/null 2>&1 # go install refuses a module that replaces others
go build -o etcdctl go.etcd.io/etcd/etcdctl/v3
./etcdctl version | head -n 1

exit_of() { local code=0; "$@" >out 2>&1 || code=$?; echo "$code"; }
echo "this is no snapshot" >backup.db
seen="status $(exit_of ./etcdctl snapshot status backup.db)"
grep -q 'Available Commands' out || seen+=" without help"
seen+=", restore $(exit_of ./etcdctl snapshot restore backup.db)"
seen+=", member nosuch $(exit_of ./etcdctl member nosuch)"
seen+=", nosuch $(exit_of ./etcdctl nosuch)"

expected="status 0, restore 0, member nosuch 0, nosuch 1"
printf 'exit codes: %s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'changed; it was: %s\n' "$expected"; exit 1; }
