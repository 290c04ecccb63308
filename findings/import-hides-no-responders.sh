#!/usr/bin/env bash
# nats-server: where a hub's account for a leaf node imports a service, a caller at
# the leaf is not told that nobody serves it. The same request, through the same
# import, is told so at the hub.
#
# Expected: "no responders" at once, as at the hub, and as with an import at the
# leaf. Seen: nothing; the caller's timeout runs out. To the leaf the import itself
# is interest, so that it has somebody to send the request to; the hub, which finds
# that nobody is there, says so only to clients of its own.
#
# Exits 0 if that is still so, and 1 if it has changed.
set -euo pipefail
server=v2.15.3 client=v1.55.0
tmp=$(mktemp -d)
trap 'chmod -R u+w "$tmp"; rm -rf "$tmp"' EXIT
cd "$tmp"
cat >hub.conf <<'CONF'
listen: 127.0.0.1:-1
leafnodes { listen: 127.0.0.1:-1, authorization { users: [{ user: leaf, password: l, account: SHOP }] } }
accounts {
  OWNER { exports: [{ service: "ask.>" }], users: [{ user: owner, password: o }] }
  SHOP { imports: [{ service: { account: OWNER, subject: "ask.>" } }], users: [{ user: shop, password: s }] }
}
CONF
cat >main.go <<'GO'
package main

import (
	"errors"
	"fmt"
	"net/url"
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

func start(o *server.Options) *server.Server {
	o.NoSigs, o.NoLog = true, true
	s := must(server.NewServer(o))
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		panic("nats-server did not start")
	}
	return s
}

func ask(nc *nats.Conn) error {
	_, err := nc.Request("ask.it", nil, 2*time.Second)
	return err
}

func main() {
	fmt.Println("nats-server", server.VERSION, "nats.go", nats.Version)
	options := must(server.ProcessConfigFile("hub.conf"))
	hub := start(options)
	defer hub.Shutdown()
	link := must(url.Parse(fmt.Sprintf("nats-leaf://leaf:l@127.0.0.1:%d", options.LeafNode.Port)))
	leaf := start(&server.Options{Host: "127.0.0.1", Port: -1, LeafNode: server.LeafNodeOpts{
		Remotes: []*server.RemoteLeafOpts{{URLs: []*url.URL{link}}},
	}})
	defer leaf.Shutdown()
	atHub := must(nats.Connect(hub.ClientURL(), nats.UserInfo("shop", "s")))
	defer atHub.Close()
	atLeaf := must(nats.Connect(leaf.ClientURL()))
	defer atLeaf.Close()

	// While somebody serves, both are answered: the way is there.
	owner := must(nats.Connect(hub.ClientURL(), nats.UserInfo("owner", "o")))
	defer owner.Close()
	service := must(owner.QueueSubscribe("ask.it", "group", func(m *nats.Msg) { must(0, m.Respond(nil)) }))
	must(0, owner.Flush())
	for deadline := time.Now().Add(10 * time.Second); ask(atLeaf) != nil; {
		if time.Now().After(deadline) {
			panic("the leaf does not join")
		}
	}
	must(0, ask(atHub))

	must(0, service.Unsubscribe())
	must(0, owner.Flush())
	hubSays, leafSays := ask(atHub), ask(atLeaf)
	fmt.Println("at the hub:  expected", nats.ErrNoResponders, "– seen", hubSays)
	fmt.Println("at the leaf: expected", nats.ErrNoResponders, "– seen", leafSays)
	if !errors.Is(hubSays, nats.ErrNoResponders) || !errors.Is(leafSays, nats.ErrTimeout) {
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
