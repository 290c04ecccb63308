package stamp

import (
	"context"
	"strconv"
	"sync"

	"github.com/nats-io/nats.go"

	seqd "github.com/seqd-io/seqd/clients/go"
)

// askers bounds the requests for ids that are under way at a time.
const askers = 64

// number gives each message of out the next id of its key, in their order: one
// request a key.
func (s *Stamper) number(ctx context.Context, out []*nats.Msg) error {
	byKey := map[string][]*nats.Msg{}
	var keys []string
	for _, m := range out {
		key := m.Header[KeyHeaderName][0]
		if byKey[key] == nil {
			keys = append(keys, key)
		}
		byKey[key] = append(byKey[key], m)
	}
	if len(keys) == 1 {
		return s.numberKey(ctx, keys[0], out)
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

func (s *Stamper) numberKey(ctx context.Context, key string, msgs []*nats.Msg) error {
	ids, err := s.client.NextN(ctx, s.config.Store, key, len(msgs), seqd.WithMode(s.config.Mode))
	if err != nil {
		return err
	}
	for i, m := range msgs {
		m.Header[IDHeader] = []string{strconv.FormatInt(ids.First+int64(i), 10)}
	}
	return nil
}
