// Package worker answers requests for ids that come over NATS.
//
// This is how a request goes through it. nats.go calls [subscriber.handle] on the
// subscription's goroutine, which parses subject, headers and body, and checks them
// against the store's rules. If the store's Issuer has ids in memory, the answer is
// written and published right there: this is the fast path. Otherwise the request
// becomes a call, if there is room for one more. The call waits in the Issuer, and
// the goroutine that brings its ids publishes the answer. Or it is handed over to
// the worker that owns its key or wins the races for it, which answers as if the
// request had come there.
//
// The worker guarantees:
//
//  1. Every request with a usable reply subject is answered exactly once: with
//     ids, or with an error that has a code. A request that was handed over may
//     get a second answer, if the word that it was taken came too late.
//  2. A request that is refused because of its form, of the store's rules or of a
//     full queue spends no id. A request without a usable reply subject is counted
//     and dropped before anything is allocated.
//  3. A worker is in the queue group of a store if and only if it can serve the
//     store. When it can't, it leaves the group, so that NATS asks other workers or
//     tells callers at once that nobody is there. It stays discoverable, and comes
//     back by itself.
//  4. [Worker.Run] returns after it has left the queue group, answered what it
//     had accepted, and flushed.
package worker
