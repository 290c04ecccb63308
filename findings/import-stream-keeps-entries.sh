#!/usr/bin/env bash
# nats-server: an export with response_type Stream keeps an entry for each answered
# request of a client that has one inbox for all answers, as today's clients do, while
# that client stays connected. Of a client in the old style, which subscribes to an
# inbox for each request and unsubscribes, none is kept.
#
# Guess: both styles cost the server the same. Seen: the entry goes with the interest
# in its reply subject, which is one wildcard for the whole connection in the new
# style. So 1000 requests leave 1000 entries with it, and 0 without. With Singleton,
# which is what an export without response_type is, none is kept in either style.
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

const config = `
listen: 127.0.0.1:-1
accounts {
  OWNER { exports: [{ service: "ask", response_type: %s }], users: [{ user: owner, password: o }] }
  SHOP { imports: [{ service: { account: OWNER, subject: "ask" } }], users: [{ user: shop, password: s }] }
}`

// kept returns how many entries are left of 1000 requests that were answered, while
// their caller is connected and when it has gone.
func kept(response string, style ...nats.Option) (connected, gone int) {
	must(0, os.WriteFile("server.conf", fmt.Appendf(nil, config, response), 0o600))
	options := must(server.ProcessConfigFile("server.conf"))
	options.NoSigs, options.NoLog = true, true
	s := must(server.NewServer(options))
	s.Start()
	defer s.Shutdown()
	if !s.ReadyForConnections(10 * time.Second) {
		panic("nats-server did not start")
	}
	owner := must(nats.Connect(s.ClientURL(), nats.UserInfo("owner", "o")))
	defer owner.Close()
	must(owner.Subscribe("ask", func(m *nats.Msg) { must(0, m.Respond([]byte("1"))) }))
	must(0, owner.Flush())
	shop := must(nats.Connect(s.ClientURL(), append(style, nats.UserInfo("shop", "s"))...))
	for range 1000 {
		must(shop.Request("ask", nil, 10*time.Second))
	}
	must(0, shop.Flush())
	account := must(s.LookupAccount("OWNER"))
	connected = account.NumPendingAllResponses()
	shop.Close()
	for deadline := time.Now().Add(10 * time.Second); s.NumClients() > 1; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			panic("the caller does not go")
		}
	}
	return connected, account.NumPendingAllResponses()
}

func main() {
	fmt.Println("nats-server", server.VERSION, "nats.go", nats.Version)
	single, _ := kept("Singleton")
	old, _ := kept("Stream", nats.UseOldRequestStyle())
	stream, gone := kept("Stream")
	fmt.Println("Singleton, one inbox:           expected 0 entries, seen", single)
	fmt.Println("Stream, an inbox for each:      expected 0 entries, seen", old)
	fmt.Println("Stream, one inbox:              expected 0 entries, seen", stream)
	fmt.Println("the same, the caller has gone:  expected 0 entries, seen", gone)
	if single != 0 || old != 0 || stream != 1000 {
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
