#!/usr/bin/env bash
# NestJS: an answer that has a field `id` of its own never arrives, and no error does.
#
# Expected: ClientNats gives each request an inbox of its own, so that whatever comes
# there is the answer: a value, as it is for the same answer without `id`, or an error.
# Seen: an object whose `id` is not the random one in the request's envelope is dropped
# in silence; the caller hears of it by a timeout, if there is one in its pipe.
#
# Exits 0 if that is still so, and 1 if it has changed.
set -euo pipefail
server=v2.15.3 nest=12.1.1 client=3.4.0
tmp=$(mktemp -d)
trap 'chmod -R u+w "$tmp"; rm -rf "$tmp"' EXIT
cd "$tmp"
# with.go starts a nats-server and runs a command beside it.
cat >with.go <<'GO'
package main

import (
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

func main() {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true})
	if err != nil {
		panic(err)
	}
	s.Start()
	defer s.Shutdown()
	if !s.ReadyForConnections(10 * time.Second) {
		panic("nats-server did not start")
	}
	cmd := exec.Command(os.Args[1], os.Args[2:]...)
	cmd.Env = append(os.Environ(), "NATS_URL="+s.ClientURL())
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
GO
cat >ask.mjs <<'JS'
import "reflect-metadata";
import { connect } from "@nats-io/transport-node";
import { Logger } from "@nestjs/common";
import { ClientNats } from "@nestjs/microservices";
import { firstValueFrom, timeout } from "rxjs";

Logger.overrideLogger(false);
const servers = [process.env.NATS_URL];
const nc = await connect({ servers });
nc.subscribe("order", { callback: (_, m) => m.respond(JSON.stringify({ order: 7 })) });
nc.subscribe("order-with-id", { callback: (_, m) => m.respond(JSON.stringify({ id: 7 })) });
await nc.flush();
const client = new ClientNats({ servers });
const ask = (subject) => firstValueFrom(client.send(subject, {}).pipe(timeout(3000))).then(JSON.stringify, (e) => e.name);
const plain = await ask("order");
const withID = await ask("order-with-id");
console.log(`answer {"order":7}: seen ${plain}`);
console.log(`answer {"id":7}: expected the same, or an error of its own; seen ${withID} after 3 s`);
await client.close();
await nc.close();
process.exit(plain === '{"order":7}' && withID === "TimeoutError" ? 0 : 1);
JS
{
  npm install --silent --no-audit --no-fund "@nestjs/microservices@$nest" "@nestjs/common@$nest" "@nestjs/core@$nest" \
    "@nats-io/transport-node@$client" reflect-metadata@0.2.2 rxjs@7.8.2
  go mod init finding
  go get "github.com/nats-io/nats-server/v2@$server"
  go mod tidy
} >log 2>&1 || { cat log; exit 2; }
echo "nats-server $server, @nestjs/microservices $nest"
go run with.go node ask.mjs
