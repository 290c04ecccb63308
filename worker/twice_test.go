package worker_test

import (
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/subjects"
)

// NATS may deliver a request twice, where clusters meet or a caller sends it again.
// Each time is a request of its own: its ids are other ones, of which the caller
// takes one answer and leaves the other's as a gap.
func TestDeliveredTwice(t *testing.T) {
	f := start(t, nil)
	reply, answers := f.inbox(t)
	const times = 100
	for _, mode := range []subjects.Mode{subjects.Strong, subjects.Weak} {
		seen := map[int64]bool{}
		request := subjects.Request{N: 2, Mode: mode, Nonce: subjects.IntNonce(7)}
		m := &nats.Msg{Subject: "seq.a." + mode.String(), Reply: reply, Data: request.Append(nil)}
		for range times {
			if err := f.nc.PublishMsg(m); err != nil {
				t.Fatal(err)
			}
		}
		for range times {
			got, err := answers.NextMsg(patience)
			if err != nil {
				t.Fatal(err)
			}
			ids, err := subjects.DecodeReply(got.Header, got.Data)
			if err != nil || ids.Nonce != request.Nonce || seen[ids.ID] || seen[ids.ID+1] {
				t.Fatalf("got %+v, %v", ids, err)
			}
			seen[ids.ID], seen[ids.ID+1] = true, true
		}
	}
}
