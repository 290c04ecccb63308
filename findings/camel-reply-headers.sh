#!/usr/bin/env bash
# Apache Camel: an answer that came over NATS has the headers of its request.
#
# Expected: after a request to "nats:…" the exchange's message is the reply: its body,
# and its headers. Seen: the body is the reply's, the reply's headers are nowhere, and
# the headers are those that were sent, so that a header which both have holds what was
# asked, not what was answered.
#
# Exits 0 if that is still so, and 1 if it has changed.
set -euo pipefail
server=v2.15.3 camel=4.17.0
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
import io.nats.client.impl.Headers;
import io.nats.client.impl.NatsMessage;
import java.time.Duration;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.component.nats.NatsComponent;
import org.apache.camel.impl.DefaultCamelContext;

class Ask {
  public static void main(String[] args) throws Exception {
    String seen;
    try (Connection nc = Nats.connect(Options.builder().server(System.getenv("NATS_URL")).connectionTimeout(Duration.ofSeconds(30)).build()); CamelContext context = new DefaultCamelContext()) {
      nc.createDispatcher(m -> {
        Headers headers = new Headers().put("Version", "of the answer").put("Status", "late");
        nc.publish(NatsMessage.builder().subject(m.getReplyTo()).headers(headers).data("answer").build());
      }).subscribe("ask");
      context.getComponent("nats", NatsComponent.class).setServers(System.getenv("NATS_URL"));
      context.start();
      Exchange exchange = context.createProducerTemplate().request("nats:ask?connectionTimeout=30000&requestTimeout=30000", e -> {
        e.getMessage().setBody("question");
        e.getMessage().setHeader("Version", "of the question");
      });
      seen = "body " + exchange.getMessage().getBody(String.class)
          + ", Version " + exchange.getMessage().getHeader("Version") + ", Status " + exchange.getMessage().getHeader("Status");
    }
    System.out.println("expected body answer, Version of the answer, Status late");
    System.out.println("seen     " + seen);
    System.exit(seen.equals("body answer, Version of the question, Status null") ? 0 : 1);
  }
}
JAVA
cat >pom.xml <<XML
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>finding</groupId><artifactId>finding</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.camel</groupId><artifactId>camel-main</artifactId><version>$camel</version></dependency>
    <dependency><groupId>org.apache.camel</groupId><artifactId>camel-nats</artifactId><version>$camel</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-nop</artifactId><version>2.0.17</version></dependency>
  </dependencies>
</project>
XML
{
  mvn -B -q dependency:copy-dependencies -DoutputDirectory=lib
  go mod init finding
  go get "github.com/nats-io/nats-server/v2@$server"
  go mod tidy
} >log 2>&1 || { cat log; exit 2; }
echo "nats-server $server, camel-nats $camel"
go run with.go java -cp 'lib/*' Ask.java
