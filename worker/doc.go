// Package worker answers requests for ids that come over NATS.
//
// One request's way: nats.go calls [subscriber.handle] on the subscription's
// goroutine. It parses subject, headers and body, and checks them against the
// store's rules. If the store's Issuer has ids in memory for it they are written and
// published right there: the fast path. Otherwise the request becomes a call,
// if there is room for one more. It waits in the Issuer, and whatever goroutine
// brings its ids publishes the answer; or it is handed over to the worker that
// its key is, which answers as if it had come there.
//
// The worker guarantees:
//
//  1. Every request with a usable reply subject is answered exactly once: with
//     ids, or with an error that has a code. One that was handed over may get a
//     second answer, if the word that it was taken came too late.
//  2. A request that is refused by its form, by the store's rules or for want
//     of room burns no id. One without a usable reply subject is counted and
//     dropped before anything is allocated.
//  3. Membership of the queue group is readiness. A worker that can't serve a
//     store leaves the group for it, so that NATS asks others or tells callers
//     at once that nobody is there; it stays discoverable and comes back by
//     itself.
//  4. [Worker.Run] returns after it has left the queue group, answered what it
//     had accepted, and flushed.
package worker
