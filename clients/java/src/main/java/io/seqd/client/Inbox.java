package io.seqd.client;

import io.nats.client.Connection;
import io.nats.client.ConnectionListener;
import io.nats.client.Dispatcher;
import io.nats.client.Message;
import io.nats.client.impl.Headers;
import java.util.ArrayDeque;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * A client's own subscription for answers. jnats ends a request with the first answer, whoever sent
 * it; this goes on waiting when a stranger answers. jnats takes a new reply subject for every
 * request; this uses a few again and again, so that the server finds the way for an answer in its
 * cache.
 *
 * <p>A reply subject is one request's until that has got its answer. A request that gives up takes
 * its subject with it, so that a late answer or "no responders" meets nobody.
 */
final class Inbox implements AutoCloseable {
  private final Connection nc;
  private final Deadlines deadlines;
  private final ConnectionListener listener = (conn, event) -> connectionChanged(event);
  private final Map<Long, Slot> slots = new ConcurrentHashMap<>();

  private volatile Patience patience; // of the last request; null: there was none

  // Guarded by this. The dispatcher is made with the first request, and reads the prefix, which is
  // written before that, without the lock.
  private boolean closed;
  private Dispatcher dispatcher;
  private String prefix;
  private long newest;
  private final ArrayDeque<Slot> free = new ArrayDeque<>(); // last used, first used again: cached

  /** A reply subject, which holds the request that uses it. Null: it is free, or given up. */
  @SuppressWarnings("serial") // nobody writes it anywhere
  private static final class Slot extends AtomicReference<Waiting> {
    final long number;
    final String subject;

    Slot(long number, String subject) {
      this.number = number;
      this.subject = subject;
    }
  }

  private record Patience(long ms, Headers headers) {}

  /** A request under way. */
  private static final class Waiting {
    final long deadline;
    final Function<Message, Source.Outcome> decode; // null: it is not the answer
    final Consumer<Source.Outcome> done;
    volatile boolean metStranger;

    Waiting(
        long deadline, Function<Message, Source.Outcome> decode, Consumer<Source.Outcome> done) {
      this.deadline = deadline;
      this.decode = decode;
      this.done = done;
    }
  }

  Inbox(Connection nc, Clock clock) {
    this.nc = nc;
    this.deadlines = new Deadlines(clock, this::endOverdue);
  }

  /**
   * Sends a request. decode returns an answer's outcome, or null for a stranger's; done is called
   * once, at the latest when the time is up.
   */
  void request(
      String subject,
      byte[] body,
      long budgetNanos,
      Function<Message, Source.Outcome> decode,
      Consumer<Source.Outcome> done) {
    Waiting waiting = new Waiting(deadlines.in(budgetNanos), decode, done);
    Slot slot;
    try {
      slot = take(waiting);
    } catch (IllegalStateException e) { // closed or draining
      done.accept(Source.Outcome.of(Failure.CONNECTION_CLOSED));
      return;
    }
    if (slot == null) {
      done.accept(Source.Outcome.of(Failure.CLIENT_CLOSED));
      return;
    }
    try {
      nc.publish(subject, slot.subject, patience(budgetNanos), body);
    } catch (IllegalStateException | IllegalArgumentException e) {
      end(slot, waiting, false, Source.Outcome.of(refused(e)));
      return;
    }
    deadlines.watch(waiting.deadline);
  }

  /** Returns the headers of a request that waits for so long. Most requests wait alike. */
  private Headers patience(long nanos) {
    long ms = Math.max(TimeUnit.NANOSECONDS.toMillis(nanos), 1); // 0 would be over on arrival
    Patience last = patience;
    if (last == null || last.ms != ms) {
      Headers headers = new Headers().put(Wire.TIMEOUT_HEADER, Long.toString(ms));
      last = new Patience(ms, new Headers(headers, true)); // jnats copies those that can change
      patience = last;
    }
    return last.headers;
  }

  /** Says what a publish that jnats refused comes to. */
  private Failure refused(RuntimeException e) {
    if (e instanceof IllegalArgumentException) { // a server without headers, from before 2020
      return Failure.of(Failure.INTERNAL, e.getMessage());
    }
    return nc.getStatus() == Connection.Status.CLOSED || String.valueOf(e).contains("Draining")
        ? Failure.CONNECTION_CLOSED
        : Failure.NO_CONNECTION;
  }

  /** Returns a slot that no other request uses; null: the inbox is closed. */
  private synchronized Slot take(Waiting waiting) {
    if (closed) {
      return null;
    }
    if (dispatcher == null) {
      prefix = nc.createInbox() + ".";
      dispatcher = nc.createDispatcher(this::receive).subscribe(prefix + "*");
      nc.addConnectionListener(listener);
    }
    Slot slot = free.pollLast();
    if (slot == null) {
      newest++;
      slot = new Slot(newest, prefix + newest);
      slots.put(newest, slot);
    }
    slot.set(waiting);
    return slot;
  }

  /** Gives a request its outcome, unless it has one. */
  private void end(Slot slot, Waiting waiting, boolean answered, Source.Outcome outcome) {
    if (!slot.compareAndSet(waiting, null)) {
      return;
    }
    if (answered) {
      synchronized (this) {
        free.addLast(slot);
      }
    } else {
      slots.remove(slot.number);
    }
    waiting.done.accept(outcome);
  }

  private void receive(Message msg) {
    Slot slot = slots.get(number(msg.getSubject()));
    Waiting waiting = slot == null ? null : slot.get();
    if (waiting == null) {
      return; // late, or twice
    }
    if (msg.isStatusMessage()) {
      if (msg.getStatus().isNoResponders()) {
        end(slot, waiting, true, Source.Outcome.of(Failure.NO_WORKER));
      }
      return;
    }
    Source.Outcome outcome = waiting.decode.apply(msg);
    if (outcome == null) {
      waiting.metStranger = true; // the right one may still come
      return;
    }
    end(slot, waiting, true, outcome);
  }

  private long number(String subject) {
    try {
      return Long.parseLong(subject, prefix.length(), subject.length(), 10);
    } catch (NumberFormatException e) {
      return 0; // nobody's
    }
  }

  /** Ends the requests whose time is up, and watches for the others' earliest deadline. */
  private void endOverdue(long now) {
    Waiting earliest = null;
    for (Slot slot : slots.values()) {
      Waiting waiting = slot.get();
      if (waiting == null) {
        continue;
      }
      if (waiting.deadline - now <= 0) {
        Failure f = waiting.metStranger ? Failure.STRANGER : Failure.NO_ANSWER;
        end(slot, waiting, false, Source.Outcome.of(f));
      } else if (earliest == null || waiting.deadline - earliest.deadline < 0) {
        earliest = waiting;
      }
    }
    if (earliest != null) {
      deadlines.watch(earliest.deadline);
    }
  }

  /** Wakes the requests under way when the connection is lost: their answers are, too. */
  private void connectionChanged(ConnectionListener.Events event) {
    if (event == ConnectionListener.Events.DISCONNECTED) {
      endAll(Failure.LOST);
    } else if (event == ConnectionListener.Events.CLOSED) {
      endAll(Failure.CUT_OFF);
    }
  }

  /** Ends the requests that are under way now, not those that their callers then begin. */
  private void endAll(Failure failure) {
    Map<Slot, Waiting> underWay = new IdentityHashMap<>();
    for (Slot slot : slots.values()) {
      Waiting waiting = slot.get();
      if (waiting != null) {
        underWay.put(slot, waiting);
      }
    }
    underWay.forEach((slot, waiting) -> end(slot, waiting, false, Source.Outcome.of(failure)));
  }

  /** Ends the requests under way, and the subscription. */
  @Override
  public void close() {
    Dispatcher d;
    synchronized (this) {
      closed = true;
      d = dispatcher;
      dispatcher = null;
    }
    if (d != null) {
      nc.removeConnectionListener(listener);
      if (nc.getStatus() != Connection.Status.CLOSED && d.isActive()) {
        nc.closeDispatcher(d);
      }
    }
    endAll(Failure.CUT_OFF);
  }
}
