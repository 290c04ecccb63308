#!/usr/bin/env bash
# npm nats 1.4: requestOne throws away the timeout that stands in its options, and
# writes that into the caller's own object.
#
# Expected: { timeout: 100 } is a timeout of 100 ms, as it is for request of the same
# client, whose options these are. Seen: after the call the object is { max: 1, timeout:
# undefined }. Only a timeout that is an argument of its own counts.
#
# Exits 0 if that is still so, and 1 if it has changed.
set -euo pipefail
server=v2.15.3 client=1.4.12
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
cat >ask.js <<'JS'
const nc = require("nats").connect({ url: process.env.NATS_URL });
nc.subscribe("ask", (_, reply) => nc.publish(reply, "answer"));
const called = [];
const forOne = { timeout: 100 }, forMany = { timeout: 100, max: 1 };
nc.requestOne("nobody", "", forOne, () => called.push("requestOne"));
nc.request("nobody", "", forMany, () => called.push("request"));
nc.requestOne("nobody", "", 300, () => {
  // Both have been due for 200 ms.
  const seen = called.join(), left = `max ${forOne.max}, timeout ${forOne.timeout}`;
  console.log(`timed out: expected request and requestOne, seen ${seen}`);
  console.log(`requestOne's options: expected timeout 100, seen ${left}`);
  nc.close();
  process.exit(seen === "request" && left === "max 1, timeout undefined" ? 0 : 1);
});
JS
{
  npm install --silent --no-audit --no-fund "nats@$client"
  go mod init finding
  go get "github.com/nats-io/nats-server/v2@$server"
  go mod tidy
} >log 2>&1 || { cat log; exit 2; }
echo "nats-server $server, npm nats $client"
go run with.go node ask.js
