// Package allocator issues ids from durable counters.
//
// A [Counter] keeps one mark per [Key]: every id at or below it is spent or
// reserved. A [Source] is a Counter as those see it who issue from it. An
// [Issuer] turns advances of the mark into ids, in two ways:
//
//   - [Strong] collects the requests that wait for a key into a batch, closes
//     the batch, and only then asks the Counter for one advance that serves all
//     of it (group commit).
//   - [Weak] reserves a segment in one advance and spends it from memory.
//
// Where several processes want a key, a batch that loses is given up with a [LostRace],
// so that its requests can be handed over to the one that wins.
//
// For one key, over all processes that share the Counter:
//
//  1. An id is handed out at most once: ranges come from advances that
//     returned, advances never overlap, and each range is cut up exactly once.
//  2. An id handed out by Strong is greater than every id that had been handed
//     out, by Strong or Weak, before the request for it was made: the advance
//     it came from began after the request arrived, and what is left of a range
//     when its batch has been served is never kept.
//  3. The ids one Weak hands out for a key increase.
//  4. Every request is answered exactly once, also when the allocator stops.
//
// Less formally: Strong never looks back and never looks ahead; Weak looks
// ahead, and pays with ids that are late. After an error the mark may have
// moved: the ids of that advance are a gap, and nobody gets them.
//
// The package knows neither NATS nor etcd and imports only the standard
// library.
package allocator
