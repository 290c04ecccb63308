package io.seqd.client;

import io.nats.client.Connection;
import io.nats.client.ErrorListener;
import io.nats.client.Nats;
import io.nats.client.Options;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A real nats-server for one test. */
final class NatsServer {
  private static final Pattern LISTENS =
      Pattern.compile("Listening for client connections on 127\\.0\\.0\\.1:(\\d+)");

  private final List<Connection> connections = new ArrayList<>();
  private Programs.Running running;
  final int port;

  private final List<String> more;

  /** Starts a server on a free port; more are arguments for it. */
  NatsServer(String... more) throws Exception {
    this.more = List.of(more);
    port = start(-1);
  }

  private int start(int wanted) throws Exception {
    String program = Programs.build("nats-server", "github.com/nats-io/nats-server/v2").toString();
    var found = new CompletableFuture<Matcher>();
    List<String> command = new ArrayList<>(more);
    command.addAll(0, List.of(program, "-a", "127.0.0.1", "-p", Integer.toString(wanted)));
    running = Programs.Running.start(command, LISTENS, found);
    return Integer.parseInt(found.join().group(1));
  }

  String url() {
    return "nats://127.0.0.1:" + port;
  }

  /** Connects as README tells to; the connection is closed with the server. */
  Connection connect() throws Exception {
    return connect(options -> options);
  }

  Connection connect(UnaryOperator<Options.Builder> more) throws Exception {
    Options.Builder options =
        Client.connectOptions(url())
            .reconnectWait(Duration.ofMillis(10))
            .errorListener(new ErrorListener() {}); // jnats's own writes what tests do on purpose
    Connection nc = Nats.connect(more.apply(options).build());
    connections.add(nc);
    return nc;
  }

  void stop() throws Exception {
    running.close();
  }

  void startAgain() throws Exception {
    start(port);
  }

  void close() throws Exception {
    for (Connection nc : connections) {
      nc.close();
    }
    stop();
  }
}
