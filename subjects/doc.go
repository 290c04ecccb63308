// Package subjects is seqd's wire: the subjects requests are sent to, the
// messages that travel on them and the codes errors carry.
//
// A request goes to <root>.<store>.<key>. Its body is empty, a msgpack map or a
// JSON object, and its headers win over the body. The answer is one contiguous range
// of ids, or an error with a [Code], as msgpack, JSON or text. A request that is
// nearly right is refused, and never served as if it were another one: see
// DESIGN.md. The contract is ../DESIGN.md §2.
//
// The package guarantees:
//
//  1. One key has one spelling. [Parse] refuses every subject that is not
//     canonical, and [Escape] maps different texts to different keys.
//  2. Parse(root, Subject(root, store, key)) gives back store and key.
//  3. A plain msgpack reply is always 20 bytes: ids keep their 64-bit form,
//     because JavaScript's decoders give a BigInt only for that one.
//  4. No input makes it panic or recurse, and none makes it hold more memory
//     than a few times the input's size, whatever lengths it claims.
//  5. An error survives the network: errors.Is(err, ErrBusy) holds on the
//     client for what the worker sent as ErrBusy.
//  6. Idempotency keys that differ in a byte stay different, and one key is the
//     same in a header, in msgpack and in JSON.
//
// Byte vectors for clients in other languages stand in testdata.
//
// All functions are safe for concurrent use, and none of them blocks.
package subjects
