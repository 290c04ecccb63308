// Package etcdsim is an etcd in memory, for tests that need thousands of runs,
// faults at will and the clock of a testing/synctest bubble.
//
// A [Server] has one linear history of transactions, at the level of etcd's
// protobuf messages: revisions, compares, nested transactions, leases that end, and what etcd
// refuses. A [Client] is one process's way to it, and can be made to delay,
// drop, repeat and falsely refuse.
//
// That a Server answers as etcd does is tested against a real one, by random
// transactions. What it lacks it refuses, with codes.Unimplemented: old
// revisions, sorting, deletes of ranges within transactions, watches, leases that
// are kept alive.
package etcdsim
