#!/usr/bin/env bash
# nats-server: a request that a service passes on, with its caller's reply subject,
# to a subject which nobody hears vanishes. Neither of the two is told that there
# are no responders, although both connections have asked to be told.
#
# Expected: the "503, no responders" goes to the reply subject, so that the caller
# fails at once, as it does when it asks such a subject itself. Seen: nothing comes.
# The server looks for a subscription of the reply subject on the connection that
# has published, and only there (processInboundClientMsg, subForReply); it is not
# published to the reply subject.
#
# Exits 0 if that is still so, and 1 if it has changed.
set -euo pipefail
server=v2.15.3 client=v1.55.0
tmp=$(mktemp -d)
trap 'chmod -R u+w "$tmp"; rm -rf "$tmp"' EXIT
cd "$tmp"
cat >main.go <<'GO'
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// told returns what a caller hears of a request that ends at nobody.
func told(caller, publisher *nats.Conn) string {
	inbox := caller.NewInbox()
	answers := must(caller.SubscribeSync(inbox))
	must(0, caller.Flush())
	must(0, publisher.PublishRequest("nobody.hears", inbox, []byte("a request")))
	must(0, publisher.Flush()) // the server has looked for responders
	must(0, caller.Flush())    // and delivered what it has to say
	if n, _, err := answers.Pending(); must(n, err) == 0 {
		return "nothing"
	}
	_, err := answers.NextMsg(time.Second) // nats.go makes an error of the status
	return fmt.Sprint(err)
}

func main() {
	fmt.Println("nats-server", server.VERSION, "nats.go", nats.Version)
	s := must(server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true}))
	s.Start()
	defer s.Shutdown()
	if !s.ReadyForConnections(10 * time.Second) {
		panic("nats-server did not start")
	}
	caller, service := must(nats.Connect(s.ClientURL())), must(nats.Connect(s.ClientURL()))
	itself, passedOn := told(caller, caller), told(caller, service)
	want := nats.ErrNoResponders.Error()
	fmt.Printf("asked by the caller itself: expected %q, seen %q\n", want, itself)
	fmt.Printf("passed on by a service:     expected %q, seen %q\n", want, passedOn)
	if itself != want || passedOn != "nothing" {
		os.Exit(1)
	}
}
GO
{
  go mod init finding
  go get "github.com/nats-io/nats-server/v2@$server" "github.com/nats-io/nats.go@$client"
  go mod tidy
} >log 2>&1 || { cat log; exit 2; }
go run .
