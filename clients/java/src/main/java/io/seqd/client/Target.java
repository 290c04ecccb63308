package io.seqd.client;

import io.nats.client.Connection;
import io.nats.client.Message;
import io.nats.client.impl.Headers;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/** One key of one store as a client asks for it: names checked, subject built. */
final class Target implements Source {
  private final Connection nc;
  private final Inbox inbox;
  private final AtomicLong lastNonce;
  private final Options options;
  private final String store;
  private final String key; // as the caller wrote it
  private final String subject; // with the key escaped

  Target(
      Connection nc, Inbox inbox, AtomicLong lastNonce, Options options, String store, String key) {
    this.nc = nc;
    this.inbox = inbox;
    this.lastNonce = lastNonce;
    this.options = options;
    this.store = store;
    this.key = key;
    try {
      Keys.checkToken("store", store);
      this.subject = Keys.subject(options.root(), store, Keys.escape(key));
    } catch (SeqdException e) {
      throw badRequest(e.text());
    }
  }

  @Override
  public void ask(long n, long budgetNanos, Consumer<Outcome> done) {
    Connection.Status status = nc.getStatus();
    if (status != Connection.Status.CONNECTED) {
      // Sent now, it would wait in the connection's buffer and burn ids for callers that have
      // long given up.
      boolean closed = status == Connection.Status.CLOSED;
      done.accept(Outcome.of(closed ? Failure.CONNECTION_CLOSED : Failure.NO_CONNECTION));
      return;
    }
    byte[] nonce = Wire.nonce(lastNonce.incrementAndGet());
    byte[] body = Wire.request(n, options.mode(), nonce, options.idempotencyKey());
    inbox.request(subject, body, budgetNanos, msg -> decode(msg, n, nonce), done);
  }

  /**
   * Takes the ids out of an answer to the request with that nonce; null: it is a stranger's.
   *
   * <p>Strangers happen: a stream that captures the subject acknowledges the request, an account
   * import may lead a late answer here. Taken for ids, a late answer would break the order that
   * STRONG promises. An error may lack the nonce, for the worker may have been unable to read it.
   */
  private static Outcome decode(Message msg, long n, byte[] nonce) {
    Wire.Answer answer = Wire.decode(name -> first(msg.getHeaders(), name), msg.getData());
    boolean anonymousError = answer.nonce() == null && answer.isError();
    if (!anonymousError && !Arrays.equals(answer.nonce(), nonce)) {
      return null;
    }
    if (answer.failure() != null) {
      return Outcome.of(answer.failure());
    }
    if (answer.ids().length() != n) {
      String text = "the worker answered a request for " + n + " ids with " + answer.ids().length();
      return Outcome.of(Failure.of(Failure.INTERNAL, text));
    }
    return Outcome.of(answer.numbers());
  }

  /** Returns a source that insists on as many numbers as ids, where there are any. */
  Source numbers() {
    return (n, budgetNanos, done) ->
        ask(n, budgetNanos, outcome -> done.accept(checkNumbers(n, outcome)));
  }

  /** Refuses other than n numbers: some id would get another's, or none. */
  private static Outcome checkNumbers(long n, Outcome outcome) {
    int got = outcome.numbers() == null ? 0 : outcome.numbers().numbers().size();
    if (got == 0 || got == n) {
      return outcome;
    }
    String text = "the worker answered a request for " + n + " ids with " + got + " numbers";
    return Outcome.of(Failure.of(Failure.INTERNAL, text));
  }

  private static String first(Headers headers, String name) {
    List<String> values = headers == null ? null : headers.get(name);
    return values == null || values.isEmpty() ? null : values.get(0);
  }

  @Override
  public SeqdException explain(Ended how) {
    String where = "seqd: next: store " + quote(store) + " key " + quote(key) + ": ";
    boolean keyed = options.idempotencyKey() != null;
    return how.exception(where, how.last() == null ? "" : hint(how.last()), keyed);
  }

  private String hint(Failure f) {
    if (f == Failure.NO_WORKER) {
      return "workers that can't serve leave the queue group, and seqd doctor says why; "
          + "where there is none, start a worker that serves this store, under the root "
          + quote(options.root())
          + " in this NATS account";
    } else if (f == Failure.NO_CONNECTION || f == Failure.LOST) {
      return "check that the NATS server runs and can be reached";
    } else if (f == Failure.CONNECTION_CLOSED) {
      return "connect again, with Client.connectOptions to stay connected";
    } else if (f == Failure.STRANGER) {
      return "check that no stream and no other service listens on " + quote(subject);
    } else if (f == Failure.NO_ANSWER) {
      // A request the server refused to pass on looks the same as a lost one.
      String error = nc.getLastError();
      return error != null && error.toLowerCase(Locale.ROOT).contains("permissions")
          ? "the server refused something on this connection: " + error
          : "check the workers, for example with: nats micro stats seqd";
    }
    return "";
  }

  private static String quote(String s) {
    if (s == null) {
      return "null";
    }
    return '"' + (s.length() > 80 ? s.substring(0, 80) + "…" : s) + '"';
  }
}
