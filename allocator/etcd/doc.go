// Package etcd is the [allocator.Counter] on etcd.
//
// One record per counter, at <prefix>/v1/counters/<store>/<key>:
//
//	{"fmt":1,"last":1234,"by":"<writer>"}
//	{"fmt":2,"last":1234,"by":"<writer>","owner":"<writer>"}
//
// Every id up to and including last is spent or reserved. by is who wrote the record
// last. If there is an owner, only the owner may reserve more, as long as its session
// is at
// <prefix>/v1/sessions/<writer>:
//
//	{"fmt":1,"lease_ms":3000}
//
// The package guarantees:
//
//  1. A record is only ever written by compare-and-swap on its ModRevision, so
//     no delayed or repeated transaction can lower a mark.
//  2. A range is returned only for a decoded TxnResponse that says that its own
//     compare held. Every error, ErrNoSpace too, means "perhaps applied, perhaps
//     applied later", and the range is a gap (the two-outcome rule). For some
//     refusals etcd's source shows that nothing was done, now or later. They are
//     counted apart and may be tried again sooner, and nothing else rests on this.
//  3. A record of another format is refused and never overwritten.
//  4. A mark that is found lower than it was known to be is refused: etcd's
//     history went backwards. Only an owner lowers one, to give back what it has
//     reserved and not issued.
//  5. Nothing is issued before the record of etcd's incarnation was read and agreed
//     with what this machine remembers. Once etcd's history is found to have gone
//     backwards, nothing is issued until an operator raises the record's epoch.
//     ../DESIGN.md says what can't be found out.
//
// The incarnation is at <prefix>/v1/incarnation:
//
//	{"fmt":1,"store":"<uuid>","epoch":0,"floor":0,"cluster":"<hex>","term":5,"rev":1234}
//
// Advances of different keys that are due together travel in one transaction. Where
// one of them has lost a race, they are sent again as nested transactions, each with
// a compare of its own, so that a lost race fails only its own key.
//
// Counters never hang on an etcd lease: its expiry would delete the mark, and
// ids would be issued again.
package etcd
