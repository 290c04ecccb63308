/**
 * Asks seqd for ids over a NATS connection. An id is a {@code long} that no other caller gets, and
 * each key of a store has a sequence of its own. The package needs a seqd worker that serves the
 * store; it never talks to etcd.
 *
 * <p>{@link io.seqd.client.Client#next(String, String) next} returns one id, and {@link
 * io.seqd.client.Client#nextN(String, String, long) nextN} returns a range of them. Both have an
 * {@code Async} form. A {@link io.seqd.client.Sequence} is for many callers that want ids of one
 * key: they share requests, and it can keep weak ids in stock. For one key the package guarantees:
 *
 * <ol>
 *   <li>No id is returned twice, over all clients and for all time.
 *   <li>If a call of either mode returned an id before a {@link io.seqd.client.Mode#STRONG} call
 *       began, every id of the strong call is greater. An answer is believed only if it carries the
 *       nonce of the request that waits for it. So an id that was drawn for an earlier request is
 *       never returned.
 *   <li>A call ends at the latest when its timeout passes, and at once when its thread is
 *       interrupted or its future is cancelled. Nothing is sent for it afterwards.
 *   <li>A call whose arguments are wrong sends nothing.
 * </ol>
 *
 * <p>Less formally: ask as often as you like, from as many threads as you like. The worst that a
 * fault can do is to leave a gap.
 *
 * <h2>Failures</h2>
 *
 * <p>A call tries again by itself where that can help: after BUSY and UNAVAILABLE (no earlier than
 * the worker's retry_after), after EXPIRED, when no worker listens, when an attempt gets no answer,
 * and while the connection is down. Between attempts it waits 10 ms, doubled each time up to 160
 * ms, plus up to half of it at random. BAD_REQUEST, FENCED, EXHAUSTED and a closed connection end a
 * call at once. So does INTERNAL, because it is a fault in seqd that should be seen.
 *
 * <p>A request that got no answer may have been served. Its ids are then a gap: nobody gets them.
 * {@link io.seqd.client.SeqdException#idsMayBeSpent()} says where that is possible.
 *
 * <p>A call that has an {@linkplain io.seqd.client.Options#withIdempotencyKey idempotency key}
 * leaves no such gap. All its attempts share the key, so a later attempt gets the ids that an
 * earlier one has spent.
 */
package io.seqd.client;
