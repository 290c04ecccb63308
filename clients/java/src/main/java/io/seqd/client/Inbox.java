package io.seqd.client;

import io.nats.client.Connection;
import io.nats.client.ConnectionListener;
import io.nats.client.Dispatcher;
import io.nats.client.Message;
import io.nats.client.impl.Headers;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * A client's own subscription for answers. Where jnats ends a request with whatever comes first, it
 * goes on waiting when a stranger answers; and where jnats takes a new reply subject for every
 * request, it uses a few again and again, so that the server finds the way for an answer in its
 * cache.
 *
 * <p>A reply subject is one request's until that has got its answer. A request that gives up takes
 * its subject with it, so that a late answer or "no responders" meets nobody.
 */
final class Inbox implements AutoCloseable {
  private final Connection nc;
  private final Clock clock;
  private final ConnectionListener listener = (conn, event) -> connectionChanged(event);

  // Guarded by this; the dispatcher is made with the first request.
  private boolean closed;
  private Dispatcher dispatcher;
  private String prefix;
  private long newest;
  private final Map<Long, Slot> slots = new HashMap<>();
  private final ArrayDeque<Slot> free = new ArrayDeque<>(); // last used, first used again: cached

  /** A reply subject. */
  private static final class Slot {
    final long number;
    final String subject;
    Waiting waiting; // null: free, or given up. Guarded by the inbox

    Slot(long number, String subject) {
      this.number = number;
      this.subject = subject;
    }
  }

  /** A request under way. */
  private static final class Waiting {
    final Function<Message, Source.Outcome> decode; // null: it is not the answer
    final Consumer<Source.Outcome> done;
    volatile boolean metStranger;
    volatile Clock.Timer timer; // null until the request is sent

    Waiting(Function<Message, Source.Outcome> decode, Consumer<Source.Outcome> done) {
      this.decode = decode;
      this.done = done;
    }
  }

  Inbox(Connection nc, Clock clock) {
    this.nc = nc;
    this.clock = clock;
  }

  /**
   * Sends a request. decode returns an answer's outcome, or null for a stranger's; done is called
   * once, at the latest when the time is up.
   */
  void request(
      String subject,
      Headers headers,
      byte[] body,
      long budgetNanos,
      Function<Message, Source.Outcome> decode,
      Consumer<Source.Outcome> done) {
    Waiting waiting = new Waiting(decode, done);
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
      nc.publish(subject, slot.subject, headers, body);
    } catch (IllegalStateException | IllegalArgumentException e) {
      end(slot, waiting, false, Source.Outcome.of(refused(e)));
      return;
    }
    waiting.timer =
        clock.after(
            budgetNanos,
            () -> {
              Failure f = waiting.metStranger ? Failure.STRANGER : Failure.NO_ANSWER;
              end(slot, waiting, false, Source.Outcome.of(f));
            });
    synchronized (this) {
      if (slot.waiting != waiting) { // answered before there was a timer
        waiting.timer.cancel();
      }
    }
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
    slot.waiting = waiting;
    return slot;
  }

  /** Gives a request its outcome, unless it has one. */
  private void end(Slot slot, Waiting waiting, boolean answered, Source.Outcome outcome) {
    synchronized (this) {
      if (slot.waiting != waiting) {
        return;
      }
      slot.waiting = null;
      if (answered) {
        free.addLast(slot);
      } else {
        slots.remove(slot.number);
      }
    }
    if (waiting.timer != null) {
      waiting.timer.cancel();
    }
    waiting.done.accept(outcome);
  }

  private void receive(Message msg) {
    Slot slot;
    Waiting waiting;
    synchronized (this) {
      slot = slots.get(number(msg.getSubject()));
      waiting = slot == null ? null : slot.waiting;
    }
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

  /** Wakes the requests under way when the connection is lost: their answers are, too. */
  private void connectionChanged(ConnectionListener.Events event) {
    if (event == ConnectionListener.Events.DISCONNECTED) {
      endAll(Failure.LOST);
    } else if (event == ConnectionListener.Events.CLOSED) {
      endAll(Failure.CUT_OFF);
    }
  }

  private void endAll(Failure failure) {
    List<Slot> used = new ArrayList<>();
    List<Waiting> waiting = new ArrayList<>();
    synchronized (this) {
      for (Slot slot : slots.values()) {
        if (slot.waiting != null) {
          used.add(slot);
          waiting.add(slot.waiting);
        }
      }
    }
    for (int i = 0; i < used.size(); i++) {
      end(used.get(i), waiting.get(i), false, Source.Outcome.of(failure));
    }
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
