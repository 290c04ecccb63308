#!/usr/bin/env bash
# jnats: the option reportNoResponders does nothing for a request that blocks.
#
# Expected: with it, "there is nobody" can be told from "nobody answered in time", by
# request(…) as by the future that the same request returns. Seen: the future then fails
# with status 503, and the blocking call returns null at once, with the option and
# without, as it returns null after a timeout.
#
# Exits 0 if that is still so, and 1 if it has changed.
set -euo pipefail
server=v2.15.3 client=2.26.3
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
cat >Ask.java <<'JAVA'
import io.nats.client.Connection;
import io.nats.client.Nats;
import io.nats.client.Options;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;

class Ask {
  public static void main(String[] args) throws Exception {
    Options options = Options.builder().server(System.getenv("NATS_URL")).reportNoResponders()
        .connectionTimeout(Duration.ofSeconds(30)).build();
    String blocking, future;
    try (Connection nc = Nats.connect(options)) {
      try {
        blocking = "" + nc.request("nobody", null, Duration.ofSeconds(30));
      } catch (Exception e) {
        blocking = e.getClass().getSimpleName();
      }
      try {
        future = "" + nc.request("nobody", null).get(30, TimeUnit.SECONDS);
      } catch (ExecutionException e) {
        future = e.getCause().getClass().getSimpleName();
      }
    }
    System.out.println("the future: expected an exception that says so, seen " + future);
    System.out.println("the blocking call: expected the same, seen " + blocking);
    System.exit(blocking.equals("null") && future.equals("JetStreamStatusException") ? 0 : 1);
  }
}
JAVA
cat >pom.xml <<XML
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>finding</groupId><artifactId>finding</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>io.nats</groupId><artifactId>jnats</artifactId><version>$client</version></dependency>
  </dependencies>
</project>
XML
{
  mvn -B -q dependency:copy-dependencies -DoutputDirectory=lib
  go mod init finding
  go get "github.com/nats-io/nats-server/v2@$server"
  go mod tidy
} >log 2>&1 || { cat log; exit 2; }
echo "nats-server $server, jnats $client"
go run with.go java -cp 'lib/*' Ask.java
