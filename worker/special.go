package worker

import (
	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/numbering"
	"github.com/seqd-io/seqd/subjects"
)

// special is what few requests have: their key has numbers for people, or counts in
// periods, or they may be made again. It stands apart, so that no other request
// carries it from here to there. Nothing of this file is run for those.
type special struct {
	once     allocator.Once  // its Key is "" where the request may not be made again
	replayed bool            // the ids were an earlier request's
	rule     *numbering.Rule // by which the key counts; nil: none
	key      allocator.Key   // if there is a rule
}

func (sp *special) copy() *special {
	own := *sp
	return &own
}

// once returns what a request is named by that may be made again, or nil.
func (a *asked) once() *allocator.Once {
	if a.special == nil || a.special.once.Key == "" {
		return nil
	}
	return &a.special.once
}

// rule returns the rule by which the key counts, or nil.
func (a *asked) rule() *numbering.Rule {
	if a.special == nil {
		return nil
	}
	return a.special.rule
}

// special checks such a request against the store's rules, and notes in sp what its
// answer needs. From then on a refers to sp, if it is special indeed.
func (st *store) special(a *asked, sp *special, k allocator.Key, mode subjects.Mode, n int, once string) *subjects.Error {
	*sp = special{}
	if once != "" {
		if st.IdempotencyWindow == 0 {
			return errNoIdempotency
		}
		sp.once = allocator.Once{Key: once, Weak: mode == subjects.Weak, Window: st.IdempotencyWindow}
		a.special = sp
	}
	if st.Numbers == nil {
		return nil
	}
	if sp.rule = st.Numbers(k.Name); sp.rule == nil {
		return nil
	}
	sp.key, a.special = k, sp
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
	reply := subjects.Reply{ID: ids.First, N: ids.N, Nonce: a.nonce, Replayed: a.special.replayed}
	if rule := a.special.rule; rule == nil {
		scratch = reply.Append(scratch[:0], a.format)
	} else {
		var p allocator.Period
		if rule.Periodic() {
			p, reply.ID = allocator.SplitMark(ids.First)
			reply.Period = rule.Label(p)
		}
		first, key := reply.ID, a.special.key
		scratch = reply.AppendNumbers(scratch[:0], a.format, func(dst []byte, i int) []byte {
			return rule.Append(dst, key, p, first+int64(i))
		})
	}
	if a.special.replayed {
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
