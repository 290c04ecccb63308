#!/usr/bin/env bash
# The nats command: a request that is not answered ends with success, be it that nobody
# is there or that nobody answers in time.
#
# Expected: `nats request` fails without an answer, so that `set -e` and `||` see it, as
# they see a server that can't be reached. Seen: the exit code is 0 both times.
#
# Exits 0 if that is still so, and 1 if it has changed.
set -euo pipefail
server=v2.15.3 cli=v0.5.1
tmp=$(mktemp -d)
trap 'chmod -R u+w "$tmp"; rm -rf "$tmp"' EXIT
cd "$tmp"
# with.go starts a nats-server, with somebody who hears "silent", and runs a command beside it.
cat >with.go <<'GO'
package main

import (
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

func main() {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true})
	if err != nil {
		panic(err)
	}
	s.Start()
	defer s.Shutdown()
	if !s.ReadyForConnections(10 * time.Second) {
		panic("nats-server did not start")
	}
	nc, err := nats.Connect(s.ClientURL())
	if err != nil {
		panic(err)
	}
	defer nc.Close()
	if _, err := nc.SubscribeSync("silent"); err != nil {
		panic(err)
	}
	if err := nc.Flush(); err != nil {
		panic(err)
	}
	cmd := exec.Command(os.Args[1], os.Args[2:]...)
	cmd.Env = append(os.Environ(), "NATS_URL="+s.ClientURL())
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
GO
cat >ask.sh <<'SH'
ask() { local code=0; ./nats --server "$NATS_URL" request --timeout 500ms "$1" hello >out 2>&1 || code=$?; echo "$code"; }
silent=$(ask silent)
nobody=$(ask nobody)
grep -o 'No responders.*' out
unreachable=$(NATS_URL=nats://127.0.0.1:1 ask nobody)
echo "no server: exit code $unreachable"
echo "nobody answers in time: expected the same, seen $silent"
echo "nobody is there: expected the same, seen $nobody"
[ "$unreachable" != 0 ] && [ "$silent" = 0 ] && [ "$nobody" = 0 ]
SH
{
  go mod init finding
  go get "github.com/nats-io/nats-server/v2@$server"
  go get -tool "github.com/nats-io/natscli/nats@$cli"
  go mod tidy
  go build -o nats github.com/nats-io/natscli/nats
} >log 2>&1 || { cat log; exit 2; }
echo "nats-server $server, natscli $cli"
go run with.go bash ask.sh
