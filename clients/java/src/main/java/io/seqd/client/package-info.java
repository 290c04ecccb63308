/**
 * Asks seqd for ids: unique, ever-increasing {@code long} numbers, one sequence for each key of a
 * store. It needs a NATS connection and a seqd worker that serves the store; it never talks to
 * etcd.
 *
 * <p>{@link io.seqd.client.Client#next(String, String) next} gets one id, {@link
 * io.seqd.client.Client#nextN(String, String, long) nextN} a range of them, and both have an {@code
 * Async} form. A {@link io.seqd.client.Sequence} does so for many callers that want ids of one key:
 * they share requests, and may keep weak ids in stock. For one key the package guarantees:
 *
 * <ol>
 *   <li>No id is returned twice, over all clients and for all time.
 *   <li>If a call (either mode) returned an id before a {@link io.seqd.client.Mode#STRONG} call
 *       began, every id of the strong call is greater. An answer is believed only if it carries the
 *       nonce of the very request that waits for it, so an id that was drawn for an earlier request
 *       can't slip in.
 *   <li>A call ends at the latest when its timeout passes, and at once when its thread is
 *       interrupted or its future is cancelled. Nothing is sent for it afterwards.
 *   <li>A call whose arguments are wrong sends nothing.
 * </ol>
 *
 * <p>Less formally: ask as often as you like, from as many threads as you like; the worst that a
 * fault can do is a gap.
 *
 * <h2>Failures</h2>
 *
 * <p>Calls try again by themselves where that can help: after BUSY and UNAVAILABLE (no earlier than
 * the worker's retry_after), after EXPIRED, when no worker listens, when an attempt gets no answer
 * and while the connection is down. Between attempts they wait 10 ms, doubling up to 160 ms, plus
 * up to half of it at random. BAD_REQUEST, FENCED, EXHAUSTED and a closed connection end a call at
 * once, and so does INTERNAL: it is a fault in seqd, better seen than hidden.
 *
 * <p>A call that has an {@linkplain io.seqd.client.Options#withIdempotencyKey idempotency key}
 * keeps it over all its attempts: what an attempt spent whose answer was lost is what the next one
 * gets.
 *
 * <p>Without one, a request that got no answer may have been served all the same. Its ids are then
 * a gap: nobody gets them. {@link io.seqd.client.SeqdException#idsMayBeSpent()} says where that is
 * possible.
 */
package io.seqd.client;
