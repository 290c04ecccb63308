package worker

import (
	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/numbering"
	"github.com/seqd-io/seqd/subjects"
)

// What is special about a request: its key has numbers for people, or counts in
// periods, or it may be made again. Nothing of this file is run for others.

// special checks such a request against the store's rules, and notes in a what its
// answer needs.
func (st *store) special(a *asked, k allocator.Key, n int, once string) *subjects.Error {
	if once != "" && st.IdempotencyWindow == 0 {
		return errNoIdempotency
	}
	a.once = once
	if st.Numbers == nil {
		return nil
	}
	if a.rule = st.Numbers(k.Name); a.rule == nil {
		return nil
	}
	a.key = k
	if n > subjects.MaxNumbers {
		return errNumbers
	}
	return nil
}

var (
	errNoIdempotency = &subjects.Error{Code: subjects.BadRequest, Text: "this store takes no idempotency keys: a second request would get other ids"}
	errReused        = &subjects.Error{Code: subjects.BadRequest, Text: "the idempotency key was used for a request with another n or mode"}
	errNumbers       = &subjects.Error{Code: subjects.BadRequest, Text: "n must be between 1 and 1000 for a key whose ids have numbers"}
)

// sendSpecial is sendIDs for a key with numbers, and for a repeat.
func (w *Worker) sendSpecial(a *asked, ids allocator.Range, scratch []byte) []byte {
	reply := subjects.Reply{ID: ids.First, N: ids.N, Nonce: a.nonce, Replayed: a.replayed}
	if rule := a.rule; rule == nil {
		scratch = reply.Append(scratch[:0], a.format)
	} else {
		var p allocator.Period
		if rule.Periodic() {
			p, reply.ID = allocator.SplitMark(ids.First)
			reply.Period = rule.Label(p)
		}
		first, key := reply.ID, a.key
		scratch = reply.AppendNumbers(scratch[:0], a.format, func(dst []byte, i int) []byte {
			return rule.Append(dst, key, p, first+int64(i))
		})
	}
	if a.replayed {
		a.stats.replayed.Add(1)
	}
	var err error
	if header := reply.Header(); header == nil {
		err = w.conn().Publish(a.reply, scratch)
	} else {
		err = w.conn().PublishMsg(&nats.Msg{Subject: a.reply, Header: header, Data: scratch})
	}
	w.sent(a, ids, err)
	return scratch
}

// sawNumber is saw for a key that counts by a rule.
func (st *store) sawNumber(key allocator.Key, last int64, rule *numbering.Rule) {
	if rule.Periodic() {
		_, last = allocator.SplitMark(last)
	}
	st.stats.saw(last)
	if limit := rule.Limit(); last > limit/100*90 {
		st.backend.headroom.note(key, last, limit, &st.stats.nearlyExhausted)
	}
}
