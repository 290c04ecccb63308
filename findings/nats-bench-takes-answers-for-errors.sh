#!/usr/bin/env bash
# natscli 0.4.0: nats bench service request ends with exit code 1 when a service
# answers with anything that begins with a minus sign, is empty, or has the word
# "error" in it, as in "0 errors". It looks into the body of each answer (bench_command.go,
# coreNATSRequester) and not at the header Nats-Service-Error-Code, so that a service's
# real error, which has that header, counts as a good answer if its body says otherwise.
#
# Guess: an answer is an answer; a service error is told by its header.
# For seqd: it can be measured with it, as its answers to good requests are none of these.
set -euo pipefail
version=v0.4.0 server=v2.15.3 client=v1.55.0
dir=$(mktemp -d)
trap 'kill "$pid" 2>/dev/null || true; chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
pid=
cd "$dir"
mkdir cli
(cd cli && go mod init finding && go get -tool "github.com/nats-io/natscli/nats@$version" && go build -o ../nats github.com/nats-io/natscli/nats) >log 2>&1 || { cat log; exit 2; }
cat >main.go <<'GO'
// A server, and services that answer every request alike.
package main

import (
	"fmt"
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
	if !s.ReadyForConnections(10 * time.Second) {
		panic("nats-server did not start")
	}
	nc, err := nats.Connect(s.ClientURL())
	if err != nil {
		panic(err)
	}
	failed := nats.Header{"Nats-Service-Error-Code": {"500"}, "Nats-Service-Error": {"out of order"}}
	for subject, answer := range map[string]*nats.Msg{
		"plain": {Data: []byte("5")}, "minus": {Data: []byte("-5")}, "empty": {}, "none": {Data: []byte("0 errors")},
		"failed": {Data: []byte("out of order"), Header: failed},
	} {
		if _, err := nc.Subscribe(subject, func(m *nats.Msg) { _ = m.RespondMsg(answer) }); err != nil {
			panic(err)
		}
	}
	if err := nc.Flush(); err != nil {
		panic(err)
	}
	fmt.Println(s.ClientURL())
	select {}
}
GO
{
  go mod init finding
  go get "github.com/nats-io/nats-server/v2@$server" "github.com/nats-io/nats.go@$client"
  go mod tidy
  go build -o services .
} >log 2>&1 || { cat log; exit 2; }
mkfifo url
./services >url &
pid=$!
read -r NATS_URL <url
export NATS_URL
echo "nats $(./nats --version)"
seen=
for subject in plain minus empty none failed; do
  code=0
  ./nats bench service request "$subject" --msgs 10 --no-progress >out 2>&1 || code=$?
  seen+="${seen:+, }$subject $code"
  grep -o 'Request did not receive.*' out || true
done
expected="plain 0, minus 1, empty 1, none 1, failed 0"
printf 'exit codes: %s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'changed; it was: %s\n' "$expected"; exit 1; }
