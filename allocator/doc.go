// Package allocator issues ids from durable counters.
//
// A [Counter] keeps one mark per [Key]: every id at or below it is spent or
// reserved. A [Source] is a Counter with all that is needed to issue from it. An
// [Issuer] turns advances of the mark into ids, in two ways:
//
//   - [Strong] collects the requests that wait for a key into a batch, closes
//     the batch, and only then asks the Counter for one advance that serves all
//     of it (group commit).
//   - [Weak] reserves a segment in one advance and spends it from memory.
//
// A process may also own a key for as long as a [Tenure] lasts. Then nobody else
// advances the key, and its segments serve strong requests too.
//
// Where several processes want a key, or one of them owns it, a request may end with
// a [LostRace]. That names the process to hand the request over to.
//
// For one key, over all processes that share the Counter:
//
//  1. An id is handed out at most once. Ranges come from advances that returned,
//     advances never overlap, and each range is cut up exactly once.
//  2. An id handed out by Strong is greater than every id that had been handed
//     out, by Strong or Weak, before the request for it was made. The advance
//     that it came from began after the request arrived, and what is left of a
//     range when its batch has been served is never kept. The same holds for an id
//     of an owned key, which is checked against the Tenure that it was reserved in,
//     by a clock that is read after the request came. This case rests on the rates
//     of clocks.
//  3. The ids one Weak hands out for a key increase.
//  4. Every request is answered exactly once, also when the allocator stops.
//
// Less formally: Strong asks for ids when it needs them, and drops what it has too
// many. Weak asks in advance, and so its ids may be lower than others that were
// handed out before. After an error the mark may have moved: the ids of that advance
// are a gap, and nobody gets them.
//
// The package knows neither NATS nor etcd and imports only the standard
// library.
package allocator
