#!/usr/bin/env bash
# @nats-io/jetstream: a message that no stream has stored counts as published, if
# anybody at all answers it in JSON.
#
# Expected: publish rejects, as it does where nobody answers: an acknowledgement has
# the stream's name and the message's sequence, and this answer has neither. nats.go
# refuses it ("nats: invalid jetstream publish response"). Seen: publish resolves with
# the answer's own fields, and `duplicate: false`; stream and seq are undefined.
#
# Exits 0 if that is still so, and 1 if it has changed.
set -euo pipefail
server=v2.15.3 client=3.4.0
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
cat >publish.mjs <<'JS'
import { jetstream } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";

const nc = await connect({ servers: process.env.NATS_URL });
nc.subscribe("ask", { callback: (_, m) => m.respond(JSON.stringify({ answer: 42 })) });
await nc.flush();
const js = jetstream(nc);
const seen = await js.publish("ask", "hello").then((ack) => JSON.stringify(ack), (err) => err.name);
const nobody = await js.publish("nobody", "hello").then((ack) => JSON.stringify(ack), (err) => err.name);
console.log(`there is no stream; a service answers {"answer":42}: expected an error, seen ${seen}`);
console.log(`nobody answers: seen ${nobody}`);
await nc.close();
process.exit(seen === '{"answer":42,"duplicate":false}' && nobody === "JetStreamNotEnabled" ? 0 : 1);
JS
{
  npm install --silent --no-audit --no-fund "@nats-io/jetstream@$client" "@nats-io/transport-node@$client"
  go mod init finding
  go get "github.com/nats-io/nats-server/v2@$server"
  go mod tidy
} >log 2>&1 || { cat log; exit 2; }
echo "nats-server $server, @nats-io/jetstream $client"
go run with.go node publish.mjs
