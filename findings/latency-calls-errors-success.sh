#!/usr/bin/env bash
# nats-server: latency tracking of an export reports status 200 for an answer which
# has the headers of a service's error.
#
# Expected: the status is the service's own, 500 here, as the header
# Nats-Service-Error-Code says, which NATS' own service framework sets and counts by.
# Seen: 200. The server gives 400 and above only where it has itself no answer to
# deliver (no responders, timeouts), and does not look into an answer.
#
# Exits 0 if that is still so, and 1 if it has changed.
set -euo pipefail
server=v2.15.3 client=v1.55.0
tmp=$(mktemp -d)
trap 'chmod -R u+w "$tmp"; rm -rf "$tmp"' EXIT
cd "$tmp"
cat >server.conf <<'CONF'
listen: 127.0.0.1:-1
accounts {
  OWNER { exports: [{ service: "ask", latency: { sampling: 100%, subject: latency } }], users: [{ user: owner, password: o }] }
  SHOP { imports: [{ service: { account: OWNER, subject: "ask" } }], users: [{ user: shop, password: s }] }
}
CONF
cat >main.go <<'GO'
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func main() {
	fmt.Println("nats-server", server.VERSION, "nats.go", nats.Version)
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
	latencies := must(owner.SubscribeSync("latency"))
	service := must(micro.AddService(owner, micro.Config{Name: "ask", Version: "1.0.0", Endpoint: &micro.EndpointConfig{
		Subject: "ask", Handler: micro.HandlerFunc(func(r micro.Request) { must(0, r.Error("500", "out of order", nil)) }),
	}}))
	must(0, owner.Flush())
	shop := must(nats.Connect(s.ClientURL(), nats.UserInfo("shop", "s")))
	defer shop.Close()
	reply := must(shop.Request("ask", nil, 10*time.Second))
	var latency server.ServiceLatency
	must(0, json.Unmarshal(must(latencies.NextMsg(10*time.Second)).Data, &latency))
	errors := service.Stats().Endpoints[0].NumErrors
	fmt.Printf("the answer: %s %s; the service's own count of errors: %d\n", reply.Header.Get(micro.ErrorCodeHeader), reply.Header.Get(micro.ErrorHeader), errors)
	fmt.Printf("latency tracking: expected status 500, seen %d %q\n", latency.Status, latency.Error)
	if latency.Status != 200 || errors != 1 {
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
