#!/usr/bin/env bash
# nats.go: a queue subscription that is drained while the connection is down comes
# back with it, on the server alone, and takes its share of the messages for ever.
#
# Expected: after Drain, and once the client is connected again, the server knows
# of no subscription. Seen: nats.go subscribes anew to what is being drained
# (resendSubscriptions), and forgets it in the next moment without unsubscribing
# (checkDrained, removeSub). Messages to it are dropped by the client unseen; of a
# queue group's requests every second one is lost.
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
	"errors"
	"fmt"
	"net"
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

func check(err error) { must(0, err) }

func start(port int) *server.Server {
	s := must(server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, NoSigs: true, NoLog: true}))
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		panic("nats-server did not start")
	}
	return s
}

func main() {
	fmt.Println("nats-server", server.VERSION, "nats.go", nats.Version)
	s := start(-1)
	url, port := s.ClientURL(), s.Addr().(*net.TCPAddr).Port
	down, up, closed := make(chan bool, 9), make(chan bool, 9), make(chan bool, 9)
	nc := must(nats.Connect(url, nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond),
		nats.DisconnectErrHandler(func(*nats.Conn, error) { down <- true }),
		nats.ReconnectHandler(func(*nats.Conn) { up <- true })))
	defer nc.Close()
	sub := must(nc.QueueSubscribe("ask", "group", func(m *nats.Msg) { check(m.Respond(nil)) }))
	sub.SetClosedHandler(func(string) { closed <- true })
	check(nc.Flush())

	s.Shutdown()
	s.WaitForShutdown()
	<-down
	check(sub.Drain()) // nothing is pending
	s = start(port)
	defer s.Shutdown()
	<-up
	<-closed
	check(nc.Flush())

	fmt.Println("the client's subscription is valid:", sub.IsValid())
	_, err := must(nats.Connect(url)).Request("ask", nil, 2*time.Second)
	fmt.Println("a request: expected no responders, seen:", err)
	if !errors.Is(err, nats.ErrTimeout) {
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
