#!/usr/bin/env bash
# nats-server: with allow_responses { max: 1 }, which is its default, two requests
# that are under way at once with one reply subject are both answered in vain.
#
# Expected: a responder may answer each request that was delivered to it once, so
# that both answers arrive. Seen: neither does. The server counts the delivery of
# the second request as an answer to the first: when it delivers a request whose
# reply subject it knows, it asks itself whether an answer there would be allowed
# (deliverMsg, pubAllowedFullCheck), and that question itself is counted.
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

// answers returns how many of two requests at once with one inbox are answered.
func answers(most int) (n int) {
	s := must(server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true, Users: []*server.User{
		{Username: "responder", Password: "r", Permissions: &server.Permissions{
			Publish:  &server.SubjectPermission{Deny: []string{">"}},
			Response: &server.ResponsePermission{MaxMsgs: most, Expires: time.Minute},
		}},
		{Username: "caller", Password: "c"},
	}}))
	s.Start()
	defer s.Shutdown()
	if !s.ReadyForConnections(10 * time.Second) {
		panic("nats-server did not start")
	}
	quiet := nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { fmt.Println("  responder:", err) })
	responder := must(nats.Connect(s.ClientURL(), nats.UserInfo("responder", "r"), quiet))
	defer responder.Close()
	requests := must(responder.SubscribeSync("ask"))
	must(0, responder.Flush())
	caller := must(nats.Connect(s.ClientURL(), nats.UserInfo("caller", "c")))
	defer caller.Close()
	inbox := nats.NewInbox()
	replies := must(caller.SubscribeSync(inbox))
	for range 2 {
		must(0, caller.PublishRequest("ask", inbox, nil))
	}
	one, two := must(requests.NextMsg(10*time.Second)), must(requests.NextMsg(10*time.Second)) // both are delivered, then answered
	must(0, one.Respond([]byte("1")))
	must(0, two.Respond([]byte("2")))
	must(0, responder.Flush()) // the server has passed the answers on, or refused them
	must(0, caller.Flush())
	pending, _, err := replies.Pending()
	return must(pending, err)
}

func main() {
	fmt.Println("nats-server", server.VERSION, "nats.go", nats.Version)
	once, always := answers(1), answers(-1)
	fmt.Println("max  1: expected 2 answers, seen", once)
	fmt.Println("max -1: expected 2 answers, seen", always)
	if once != 0 || always != 2 {
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
