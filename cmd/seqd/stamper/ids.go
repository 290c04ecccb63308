package stamper

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/nats-io/nats.go"

	seqd "github.com/seqd-io/seqd/clients/go"
)

// askers bounds the requests for ids that are under way at a time.
const askers = 64

// drawn are ids that were drawn for messages that are not known to be published.
// A batch that is refused has the same ones when it is tried again, as long as
// the output stream has nothing new, but what this stamper knows to have
// published: all ids in it are older then, of each key; and if the batch lands
// after all, late, its last sequence is another one.
type drawn struct {
	last uint64              // the output's last sequence
	ids  map[uint64]drawnFor // by source sequence
}

type drawnFor struct{ key, id, number, period string } // number and period may be ""

// write writes what was drawn into a copy's header.
func (d drawnFor) write(header nats.Header) {
	header[IDHeader] = []string{d.id}
	if d.number != "" {
		header[NumberHeader] = []string{d.number}
	}
	if d.period != "" {
		header[PeriodHeader] = []string{d.period}
	}
}

// read returns what write has written.
func read(header nats.Header) drawnFor {
	one := func(name string) string {
		if values := header[name]; len(values) > 0 {
			return values[0]
		}
		return ""
	}
	return drawnFor{key: one(KeyHeaderName), id: one(IDHeader), number: one(NumberHeader), period: one(PeriodHeader)}
}

// number gives each message of out, which are the copies of msgs, the next id of
// its key, in their order: one request a key.
func (s *Stamper) number(ctx context.Context, msgs []message, out []*nats.Msg) error {
	if s.drawn.ids == nil || s.drawn.last != s.at.last {
		s.drawn = drawn{s.at.last, map[uint64]drawnFor{}}
	}
	byKey := map[string][]*nats.Msg{}
	var keys []string
	copies := copied(msgs)
	kept := map[uint64]drawnFor{}
	for i, m := range out {
		key, seq := m.Header[KeyHeaderName][0], copies[i].seq
		if has := s.drawn.ids[seq]; has.key == key && byKey[key] == nil { // what is drawn now is greater
			has.write(m.Header)
			kept[seq] = has
			continue
		}
		if byKey[key] == nil {
			keys = append(keys, key)
		}
		byKey[key] = append(byKey[key], m)
	}
	maps.DeleteFunc(s.drawn.ids, func(seq uint64, has drawnFor) bool { return byKey[has.key] != nil && kept[seq] != has })
	err := s.numberKeys(ctx, keys, byKey)
	for i, m := range out {
		if has := read(m.Header); has.id != "" {
			s.drawn.ids[copies[i].seq] = has
		}
	}
	return err
}

// published takes the ids of what is published from those that are drawn.
func (s *Stamper) published(last uint64, msgs []message) {
	s.drawn.last = last
	for _, m := range msgs {
		delete(s.drawn.ids, m.seq)
	}
}

// copied are the messages that have copies.
func copied(msgs []message) []message {
	return slices.DeleteFunc(slices.Clone(msgs), func(m message) bool { return m.bad != nil })
}

func (s *Stamper) numberKeys(ctx context.Context, keys []string, byKey map[string][]*nats.Msg) error {
	if len(keys) == 1 {
		return s.numberKey(ctx, keys[0], byKey[keys[0]])
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	var once sync.Once
	var failed error
	free := make(chan struct{}, askers)
	for _, key := range keys {
		free <- struct{}{}
		all.Go(func() {
			defer func() { <-free }()
			if err := s.numberKey(ctx, key, byKey[key]); err != nil {
				once.Do(func() { failed = err; cancel(err) }) // the others' errors are its consequence
			}
		})
	}
	all.Wait()
	return failed
}

// numberKey asks for ids, with their numbers: a batch has no more than can have some.
func (s *Stamper) numberKey(ctx context.Context, key string, msgs []*nats.Msg) error {
	got, err := s.client.Numbers(ctx, s.config.Store, key, len(msgs), seqd.WithMode(s.config.Mode))
	if err != nil {
		return err
	}
	for i, m := range msgs {
		has := drawnFor{id: strconv.FormatInt(got.First+int64(i), 10), period: got.Period}
		if len(got.Numbers) > 0 {
			has.number = got.Numbers[i]
		}
		has.write(m.Header)
	}
	return nil
}
