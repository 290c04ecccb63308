package io.seqd.client;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The calls of a sequence that share one request. The sequence's lock guards it until it is sent.
 */
final class Batch {
  /** One call: it gets n ids of the batch's range. */
  record Call(long n, Caller caller) {}

  final List<Call> calls = new ArrayList<>();
  final long opened;
  final long deadline; // when the time of its calls is up
  long n; // ids its calls want
  long asked; // ids its request is for; more than n: the rest is for the stock
  boolean full; // no new call joins

  /** Set by the first of two who end the sending: whoever comes second sends the next batch. */
  final AtomicBoolean over = new AtomicBoolean();

  Batch(long opened, long deadline) {
    this.opened = opened;
    this.deadline = deadline;
  }

  void add(Call call) {
    calls.add(call);
    n += call.n;
  }

  /** Takes out the calls that gave up: they burn no id. */
  void forgetWhoGaveUp() {
    calls.removeIf(call -> !call.caller.waits());
    n = calls.stream().mapToLong(Call::n).sum();
  }

  boolean isWanted() {
    return asked > n || calls.stream().anyMatch(call -> call.caller.waits());
  }

  /** Gives each call its part of the range, in the order in which they came. */
  void give(IdRange ids) {
    long at = 0;
    for (Call call : calls) {
      call.caller.ids(ids.part(at, call.n));
      at += call.n;
    }
  }

  void fail(Ended how) {
    calls.forEach(call -> call.caller.failed(how));
  }
}
