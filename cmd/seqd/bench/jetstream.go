package bench

import (
	"bytes"
	"context"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// JetStream asks a counter of a JetStream stream (ADR-49): a message with the
// header Nats-Incr: +1 is answered with the new total.
//
// Counter messages must have no body; the header is about as long as the body
// of a request to seqd.
type JetStream struct {
	Connect    Connect
	ID         string
	Name       string
	Durability string // as its server is set up

	requests
	header nats.Header
}

const (
	jetStreamRoot   = "jsc"
	jetStreamStream = "BENCH"
	incrHeader      = "Nats-Incr"
)

var _ Peer = (*JetStream)(nil)

func (j *JetStream) About() About {
	return About{ID: j.ID, Name: j.Name, Durability: j.Durability, Promise: Strict}
}

// Open makes the stream: in files, not replicated.
func (j *JetStream) Open(ctx context.Context, w Wiring) error {
	if err := j.open(j.Connect, jetStreamRoot, Store, w); err != nil {
		return err
	}
	js, err := jetstream.New(j.conns[0])
	if err != nil {
		return fmt.Errorf("jetstream: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, w.Timeout)
	defer cancel()
	_, err = js.CreateStream(ctx, jetstream.StreamConfig{
		Name:            jetStreamStream,
		Subjects:        []string{jetStreamRoot + "." + Store + ".>"},
		Storage:         jetstream.FileStorage,
		Replicas:        1,
		AllowMsgCounter: true,
		AllowDirect:     true,
	})
	if err != nil {
		return fmt.Errorf("create a counter stream: %w; it takes a nats-server 2.12 or later with JetStream on", err)
	}
	j.header = nats.Header{incrHeader: {"+1"}}
	return nil
}

func (j *JetStream) Ask(_ context.Context, caller, key int) (first int64, n int, err error) {
	m, err := j.of(caller).RequestMsg(&nats.Msg{Subject: j.subjects[key], Header: j.header}, j.timeout)
	if err != nil {
		return 0, 0, err
	}
	total, ok := counterValue(m.Data)
	if !ok {
		return 0, 0, fmt.Errorf("%w: %.200s", errAlien, m.Data)
	}
	return total, 1, nil
}

// counterValue reads the total out of {"stream":"BENCH","seq":7,"val":"7"}.
// Decoding all of it as JSON would cost this peer's callers more than the others'.
func counterValue(ack []byte) (total int64, ok bool) {
	_, val, ok := bytes.Cut(ack, []byte(`"val":"`))
	if !ok {
		return 0, false
	}
	val, _, ok = bytes.Cut(val, []byte(`"`))
	if !ok {
		return 0, false
	}
	total, err := strconv.ParseInt(string(val), 10, 64)
	return total, err == nil
}

func (j *JetStream) Close() { j.close() }
