// Package seqd asks seqd for ids: unique, ever-increasing int64 numbers, one
// sequence for each key of a store. It needs a NATS connection and a seqd
// worker that serves the store; it never talks to etcd.
//
// [Client.Next] gets one id, [Client.NextN] a range of them. A [Sequence] does
// so for many goroutines that want ids of one key: they share requests, and may
// keep weak ids in stock. For one key the package guarantees:
//
//  1. No id is returned twice, over all clients and for all time.
//  2. If a call (either mode) returned an id before a [Strong] call began, every
//     id of the Strong call is greater. An answer is believed only if it carries
//     the nonce of the very request that waits for it, so an id that was drawn
//     for an earlier request can't slip in.
//  3. A call returns at the latest when its context ends or its timeout passes,
//     whichever comes first, and then at once.
//  4. A call whose arguments are wrong sends nothing.
//
// Less formally: ask as often as you like, from as many goroutines as you like;
// the worst that a fault can do is a gap.
//
// # Failures
//
// Calls try again by themselves where that can help: after BUSY and UNAVAILABLE
// (no earlier than the worker's retry_after), after EXPIRED, when no worker
// listens, when an attempt gets no answer and while the connection is down.
// Between attempts they wait 10 ms, doubling up to 160 ms, plus up to half of it
// at random. BAD_REQUEST, FENCED, EXHAUSTED and a closed connection end a call
// at once, and so does INTERNAL: it is a fault in seqd, better seen than hidden.
//
// A request that got no answer may have been served all the same. Its ids are
// then a gap: nobody gets them. Every error of a call is an [*Error], which says
// whether that is possible, and which has a code, the same word in all languages.
//
// A call that has an idempotency key, see [WithIdempotencyKey], leaves no such gap: it
// keeps the key over its attempts, and the later one gets what was spent on an earlier
// one. So does a later call, or another program's, that has the same key.
package seqd
