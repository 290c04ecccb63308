#!/usr/bin/env bash
# etcd's client 3.7.3 (gRPC 1.83.2): HTTPS_PROXY is used for endpoints that are
# plain http, and HTTP_PROXY is not. gRPC looks for its proxy as if every target
# were https, whatever the endpoint's scheme and credentials say.
#
# Guess: as with curl and Go's own http.Client, HTTPS_PROXY is for https:// only.
# Seen: "http://etcd.example:2379" is asked for by CONNECT from the proxy that
# HTTPS_PROXY names, and the proxy that HTTP_PROXY names hears nothing.
# etcd's page on its client names neither. seqd dials without a proxy.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'MOD'
module example
go 1.26
require go.etcd.io/etcd/client/v3 v3.7.3
require google.golang.org/grpc v1.83.2
MOD
cat >main.go <<'GO'
package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// proxy returns its URL, and the first line that it hears.
func proxy() (string, <-chan string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	heard := make(chan string, 100)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			line, _ := bufio.NewReader(c).ReadString('\n')
			heard <- strings.TrimSpace(line)
			c.Close()
		}
	}()
	return "http://" + l.Addr().String(), heard
}

func main() {
	forHTTPS, https := proxy()
	forHTTP, http := proxy()
	os.Setenv("HTTPS_PROXY", forHTTPS)
	os.Setenv("HTTP_PROXY", forHTTP)
	os.Setenv("NO_PROXY", "")
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{"http://etcd.example:2379"}, Logger: zap.NewNop()})
	if err != nil {
		panic(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	go client.Get(ctx, "key")
	defer cancel()
	select {
	case line := <-https:
		fmt.Println("HTTPS_PROXY:", line)
	case line := <-http:
		fmt.Println("HTTP_PROXY:", line)
	case <-ctx.Done():
		fmt.Println("neither")
	}
}
GO
go mod tidy 2>/dev/null
go list -m go.etcd.io/etcd/client/v3 google.golang.org/grpc
expected='HTTPS_PROXY: CONNECT etcd.example:2379 HTTP/1.1'
seen=$(env -u https_proxy -u http_proxy -u no_proxy -u ALL_PROXY -u all_proxy go run .)
printf 'guess: HTTP_PROXY: ...\nseen: %s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'changed; it was: %s\n' "$expected"; exit 1; }
