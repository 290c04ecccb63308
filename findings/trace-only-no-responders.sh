#!/usr/bin/env bash
# nats-server: a request that is only to be traced (Nats-Trace-Only) through an
# import is answered "no responders", although somebody serves.
#
# Expected: the trace shows the way to the service, and the request is answered by
# nobody, as within the service's own account. Seen: the trace ends at the import,
# unless the export has allow_trace, and the caller is told that nobody serves: with
# tracing cut off at the import, nothing was delivered, which is all that the server
# looks at. Whoever asks by trace whether a service is there gets a wrong answer.
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
	"encoding/json"
	"errors"
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
  OWNER { exports: [{ service: "ask", allow_trace: %v }], users: [{ user: owner, password: o }] }
  SHOP { imports: [{ service: { account: OWNER, subject: "ask" } }], users: [{ user: shop, password: s }] }
}`

// traced returns what a caller hears who asks by trace only, and the trace's events.
func traced(allow bool, user, password string) (error, []string) {
	must(0, os.WriteFile("server.conf", fmt.Appendf(nil, config, allow), 0o600))
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
	must(owner.Subscribe("ask", func(m *nats.Msg) { must(0, m.Respond(nil)) }))
	must(0, owner.Flush())
	caller := must(nats.Connect(s.ClientURL(), nats.UserInfo(user, password)))
	defer caller.Close()
	traces := must(caller.SubscribeSync("traces"))
	must(caller.Request("ask", nil, 10*time.Second)) // it is served
	_, err := caller.RequestMsg(&nats.Msg{Subject: "ask", Header: nats.Header{
		"Nats-Trace-Dest": {"traces"}, "Nats-Trace-Only": {"true"},
	}}, 2*time.Second)
	var trace server.MsgTraceEvent
	must(0, json.Unmarshal(must(traces.NextMsg(10*time.Second)).Data, &trace))
	var events []string
	for _, e := range trace.Events {
		events = append(events, fmt.Sprintf("%T", e)[len("*server.MsgTrace"):])
	}
	return err, events
}

func main() {
	fmt.Println("nats-server", server.VERSION, "nats.go", nats.Version)
	within, events := traced(false, "owner", "o")
	fmt.Println("in the service's account:   expected", nats.ErrTimeout, "– seen", within, events)
	through, events := traced(false, "shop", "s")
	fmt.Println("through the import:         expected", nats.ErrTimeout, "– seen", through, events)
	allowed, events := traced(true, "shop", "s")
	fmt.Println("the same with allow_trace:  expected", nats.ErrTimeout, "– seen", allowed, events)
	if !errors.Is(within, nats.ErrTimeout) || !errors.Is(through, nats.ErrNoResponders) || !errors.Is(allowed, nats.ErrTimeout) {
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
