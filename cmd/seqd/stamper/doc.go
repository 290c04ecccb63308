// Package stamper numbers the messages of a JetStream stream: it takes them from
// a durable consumer, gives each the next seqd id of its key, and publishes
// them to another stream, with the id in a header. For one source, consumer and
// output stream, over all stampers that ever run on them, it guarantees:
//
//  1. Exactly once. Every message that the consumer delivers is in the output
//     stream once: not twice, and not missing once a later one is there.
//  2. Source order. Messages are in the output stream in the order of their
//     sequence in the source stream, over all keys.
//  3. Increasing ids. With [seqd.Strong], which is the default, the ids of a key
//     increase strictly in the order of the output stream.
//  4. A source message is acknowledged after the output stream has acknowledged
//     its copy, never before.
//
// All of it holds for streams with any number of replicas, and for the streams
// and the consumer that a position is of: of others of their names, or older
// states of them, nothing is stamped, and nothing acknowledged.
//
// Less formally: kill it, freeze it, run two of it, restart NATS or the workers
// under it; the worst that happens are gaps between ids and a pause.
//
// # How
//
// The output stream is the only truth, and it is written by compare-and-swap. A
// batch is published atomically, on condition that the stream's last sequence is
// still the one that the stamper knows; the last message carries in its
// Nats-Msg-Id which source message it is, and as source order is kept, all
// before that one are out as well. So a redelivered message is known for sure,
// however long ago it was published, and a batch from the past, of a stamper that
// was frozen or has died, comes too late: the last sequence has moved on.
//
// A batch is whole or not at all, as JetStream's atomic publish has it. This is
// more than a convenience: of single messages, each conditional on the one
// before, those of an old attempt could land between those of a new one, with
// ids that are older.
//
// DESIGN.md has the argument in full, failure by failure.
//
// # What it needs
//
// nats-server 2.15 or later, an output stream of its own that allows atomic
// publishes, and a durable pull consumer that hands messages to one client at a
// time (priority policy pinned_client). [New] makes the consumer if it is missing
// and checks all of it; its errors say what to change.
package stamper
