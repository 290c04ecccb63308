package allocator

import "time"

// Once names a request among those of its key, so that it can be made again. Whoever
// makes it again within the Window gets the same ids, from whichever process, whatever
// became of the first answer.
//
// The record of the ids is written together with their reservation: it is there if and
// only if they are reserved for this request. So such a request always asks the
// Source.
type Once struct {
	Key    string        // what callers call the idempotency key; "": there is none
	Weak   bool          // the request is for weak ids; whoever makes it again must ask for weak ids too
	Window time.Duration // more than 0
}

// MaxAnswers is how many Answers an Advance has at most. It is as many as one
// transaction takes. If an advance had more of them, all would wait for two
// transactions and come back at the same time. With this bound, requests that arrive
// while one transaction is under way gather for the next one.
const MaxAnswers = 124

// Answer is a request within an Advance that has an idempotency key.
type Answer struct {
	Once
	N int // how many ids

	// The Starter sets the rest.
	IDs      Range // empty: not settled
	Replayed bool  // the ids were recorded for an earlier request
	Reused   bool  // the earlier request was another one: the ids are not for this one
}

// Settled reports whether the answer is known.
func (a *Answer) Settled() bool { return a.IDs.N > 0 || a.Reused }

// Total returns how many ids a may reserve: its N, and those of the Answers that
// are not settled.
func (a *Advance) Total() int {
	n := a.N
	for i := range a.Answers {
		if !a.Answers[i].Settled() {
			n += a.Answers[i].N
		}
	}
	return n
}

// lastAnswered returns the greatest id of a's Answers, or of the weak ones alone; 0
// where there is none. Also one that was recorded before is perhaps told for the
// first time: what became of the request that recorded it is not known.
func (a *Advance) lastAnswered(weak bool) int64 {
	last := int64(0)
	for i := range a.Answers {
		if answer := &a.Answers[i]; answer.IDs.N > 0 && (answer.Weak || !weak) {
			last = max(last, answer.IDs.Last())
		}
	}
	return last
}

// outcome returns what r gets that has an answer, from an advance that ended with
// err.
func (a *Answer) outcome(err error) (Range, error) {
	switch {
	case a.Reused:
		return Range{}, ErrReused
	case a.IDs.N > 0:
		return a.IDs, nil
	}
	return Range{}, err
}
