package bench

import (
	"context"
	"time"
)

// Peer is one way to get ids.
type Peer interface {
	About() About

	// Open connects, and returns an error if the peer does not answer. It is
	// called once, before Ask.
	Open(context.Context, Wiring) error

	// Ask asks for ids of a key, by its place in Wiring.Keys, and blocks until
	// the answer is there or Wiring.Timeout has passed. It returns n ids from
	// first on, or n = 0 where the peer has none. No two calls of one caller
	// overlap; those of different callers do.
	Ask(ctx context.Context, caller, key int) (first int64, n int, err error)

	// Close ends what Open began. It may be called without Open.
	Close()
}

// About tells peers apart.
type About struct {
	ID         string  // for machines: "strong"
	Name       string  // for people: "seqd STRONG"
	Durability string  // what an answer has survived: "etcd fsync"
	Workers    int     // how many seqd workers share the work; 0: not seqd, or not known
	Promise    Promise // what is checked
}

// Wiring is what all peers of one run have in common.
type Wiring struct {
	Keys        []string      // canonical keys: see subjects.CheckKey
	Connections int           // of the callers, who share them evenly; at least 1
	Timeout     time.Duration // for one request
}

// Promise is what a peer says of its ids.
type Promise int

// The promises, from none to all.
const (
	NoIDs  Promise = iota // its answers hold no ids
	Unique                // no id of a key comes twice
	Strict                // and who asks after an answer was received gets a greater id
)

func (p Promise) String() string {
	switch p {
	case Unique:
		return "unique"
	case Strict:
		return "unique and in order"
	default:
		return "not checked"
	}
}
