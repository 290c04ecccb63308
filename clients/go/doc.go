// Package seqd asks seqd for ids over a NATS connection. An id is an int64 that no
// other caller gets, and each key of a store has a sequence of its own. The package
// needs a seqd worker that serves the store; it never talks to etcd.
//
// [Client.Next] returns one id, and [Client.NextN] returns a range of them. A
// [Sequence] is for many goroutines that want ids of one key: they share requests,
// and it can keep weak ids in stock. For one key the package guarantees:
//
//  1. No id is returned twice, over all clients and for all time.
//  2. If a call of either mode returned an id before a [Strong] call began, every
//     id of the Strong call is greater. An answer is believed only if it carries
//     the nonce of the request that waits for it. So an id that was drawn for an
//     earlier request is never returned.
//  3. A call returns at once when its context ends or its timeout passes,
//     whichever comes first.
//  4. A call whose arguments are wrong sends nothing.
//
// Less formally: ask as often as you like, from as many goroutines as you like. The
// worst that a fault can do is to leave a gap.
//
// # Failures
//
// A call tries again by itself where that can help: after BUSY and UNAVAILABLE (no
// earlier than the worker's retry_after), after EXPIRED, when no worker listens,
// when an attempt gets no answer, and while the connection is down. Between attempts
// it waits 10 ms, doubled each time up to 160 ms, plus up to half of it at random.
// BAD_REQUEST, FENCED, EXHAUSTED and a closed connection end a call at once. So does
// INTERNAL, because it is a fault in seqd that should be seen.
//
// A request that got no answer may have been served. Its ids are then a gap: nobody
// gets them. Every error of a call is an [*Error], which says whether that is
// possible. It also has a code, which is the same word in all languages.
//
// A call that has an idempotency key, see [WithIdempotencyKey], leaves no such gap.
// All its attempts share the key, so a later attempt gets the ids that an earlier one
// has spent. So does a later call, even of another program, that has the same key.
package seqd
