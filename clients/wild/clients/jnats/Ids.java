import io.nats.client.Connection;
import io.nats.client.Message;
import io.nats.client.Nats;
import io.nats.client.Options;
import io.nats.client.impl.Headers;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

class Ids {
  // [write]
  /** The first of n ids. Without reportNoResponders the future is cancelled where there is no worker. */
  static CompletableFuture<Long> ids(Connection nc, String subject, int n) {
    Headers headers = new Headers();
    headers.put("Accept", "text/plain");
    headers.put("Seq-Count", Integer.toString(n));
    return nc.requestWithTimeout(subject, headers, null, Duration.ofSeconds(2))
        .thenApply(
            reply -> {
              if (reply.hasHeaders() && reply.getHeaders().containsKey("Nats-Service-Error")) {
                throw new IllegalStateException(reply.getHeaders().getFirst("Nats-Service-Error"));
              }
              return Long.parseLong(new String(reply.getData()).split(" ")[0]);
            });
  }

  // [/write]

  static Connection connect(boolean report) throws Exception {
    Options.Builder options = Options.builder().server(System.getenv("NATS_URL"));
    return Nats.connect((report ? options.reportNoResponders() : options).build());
  }

  static String nobody(Connection nc) {
    try {
      return "a reply: " + nc.requestWithTimeout("seq.nosuch.key", null, Duration.ofSeconds(2)).join();
    } catch (CompletionException e) {
      return "`" + e.getCause().getClass().getSimpleName() + "` in it: " + e.getCause().getMessage();
    } catch (RuntimeException e) {
      return "`" + e.getClass().getSimpleName() + "`";
    }
  }

  static String blocking(Connection nc) throws Exception {
    long began = System.nanoTime();
    Message reply = nc.request("seq.nosuch.key", null, Duration.ofMillis(1500));
    boolean once = System.nanoTime() - began < 1_000_000_000L;
    return "`" + reply + "` " + (once ? "at once" : "after its timeout");
  }

  public static void main(String[] args) throws Exception {
    String subject = System.getenv("WILD_SUBJECT");
    Duration patience = Duration.ofSeconds(2);
    try (Connection plain = connect(false);
        Connection report = connect(true)) {
      Message wrong = plain.request(subject, "{\"n\":0}".getBytes(), patience);
      String error = "a reply like any other, with the header `Nats-Service-Error-Code: " + wrong.getHeaders().getFirst("Nats-Service-Error-Code") + "`";
      System.out.println("row: jnats, by a future");
      System.out.println("version: " + Nats.CLIENT_VERSION + " on Java " + Runtime.version().feature());
      System.out.println("id: yes: `" + ids(plain, subject, 3).join() + "`");
      System.out.println("error: " + error);
      System.out.println("nobody: " + nobody(plain) + "; with `reportNoResponders()` " + nobody(report));
      System.out.println("row: jnats, by a blocking call");
      System.out.println("version: " + Nats.CLIENT_VERSION + " on Java " + Runtime.version().feature());
      System.out.println("id: yes: `" + new String(plain.request(subject, "{}".getBytes(), patience).getData()) + "`");
      System.out.println("error: " + error);
      System.out.println("nobody: " + blocking(plain) + "; with `reportNoResponders()` " + blocking(report));
    }
  }
}
