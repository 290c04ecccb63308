#!/usr/bin/env bash
# On a consumer with three replicas the status that ends a pull with max_bytes
# ("409 Batch Completed") comes before the message that it ends with, and
# nats.go's Fetch, which ends with the status, returns none.
#
# Needs Go. Exits 0 as long as it is so.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

cat >go.mod <<'EOF'
module finding

go 1.26
EOF
cat >main.go <<'EOF'
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/url"
	"os"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

func freePort() int {
	l := must(net.Listen("tcp", "127.0.0.1:0"))
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func main() {
	ports := []int{freePort(), freePort(), freePort()}
	var routes []*url.URL
	for _, p := range ports {
		routes = append(routes, &url.URL{Scheme: "nats", Host: fmt.Sprintf("127.0.0.1:%d", p)})
	}
	var servers []*server.Server
	for i, p := range ports {
		s := must(server.NewServer(&server.Options{
			ServerName: fmt.Sprintf("n%d", i), Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true,
			JetStream: true, StoreDir: fmt.Sprintf("%s/n%d", os.Args[1], i),
			Cluster: server.ClusterOpts{Name: "c", Host: "127.0.0.1", Port: p}, Routes: routes,
		}))
		s.Start()
		servers = append(servers, s)
	}
	nc := must(nats.Connect(servers[0].ClientURL(), nats.RetryOnFailedConnect(true)))
	js := must(jetstream.New(nc))
	fmt.Printf("nats-server %s, nats.go %s\n", server.VERSION, nats.Version)
	changed := false
	for _, replicas := range []int{1, 3} {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		name := fmt.Sprintf("R%d", replicas)
		var stream jetstream.Stream
		var err error
		for { // until the cluster has a leader
			try, done := context.WithTimeout(ctx, 2*time.Second)
			stream, err = js.CreateStream(try, jetstream.StreamConfig{Name: name, Subjects: []string{name}, Replicas: replicas})
			done()
			if err == nil {
				break
			}
			if ctx.Err() != nil {
				log.Fatal(err)
			}
		}
		consumer := must(stream.CreateConsumer(ctx, jetstream.ConsumerConfig{Durable: "c", AckPolicy: jetstream.AckExplicitPolicy}))
		must(js.Publish(ctx, name, []byte("one")))
		batch := must(consumer.Fetch(1, jetstream.FetchMaxBytes(1<<20), jetstream.FetchMaxWait(5*time.Second)))
		got := 0
		for range batch.Messages() {
			got++
		}
		fmt.Printf("%d replicas: expected 1 message and no error, got %d and %v\n", replicas, got, batch.Error())
		changed = changed || (replicas == 1) != (got == 1)
		cancel()
	}
	if changed {
		fmt.Println("this has changed")
		os.Exit(1)
	}
}
EOF
go get github.com/nats-io/nats-server/v2@v2.15.3 github.com/nats-io/nats.go@v1.55.0 >/dev/null 2>&1
go mod tidy >/dev/null 2>&1
go run . "$dir/data"
