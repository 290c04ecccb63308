package stamper_test

import (
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/cmd/seqd/stamper"
)

func TestStamp(t *testing.T) {
	r := newRig(t, nil)
	r.publish(t, 1000, 7)
	s := r.start(t, config())
	r.awaitOutput(t, 1000)
	r.publish(t, 10, 1) // and one that comes alone
	r.awaitOutput(t, 1010)
	s.stop(t)
	r.verify(t)
	if got := s.Stats(); got.Stamped != 1010 || got.Duplicates != 0 || got.Failures != 0 || got.Rewinds != 0 {
		t.Errorf("got %+v", got)
	}

	first := r.read(t, outputStream)[0]
	for name, want := range map[string]string{
		stamper.IDHeader: "1", stamper.StoreHeader: "orders", stamper.KeyHeaderName: "key0", stamper.StamperHeader: durable,
		"Nats-Msg-Id": "ORDERS:1", "Kind": "test",
	} {
		if got := first.Headers().Get(name); got != want {
			t.Errorf("header %s: got %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{stamper.NumberHeader, stamper.PeriodHeader} { // its key has none
		if _, ok := first.Headers()[name]; ok {
			t.Errorf("there is a header %s", name)
		}
	}
	if got, want := first.Subject(), "stamped.orders.key0.new"; got != want {
		t.Errorf("subject: got %s, want %s", got, want)
	}

	// Another run has nothing to do, and then goes on.
	s = r.start(t, config())
	r.publish(t, 5, 2)
	r.awaitOutput(t, 1015)
	s.stop(t)
	r.verify(t)
}

// Headers that order a NATS server to do something stay behind: Nats-Rollup
// would empty the output.
func TestSourceHeaders(t *testing.T) {
	r := newRig(t, nil)
	msg := nats.NewMsg("orders.a")
	msg.Header = nats.Header{
		"Nats-Msg-Id": {"mine"}, "Nats-Expected-Stream": {sourceStream}, "Seq-Id": {"99"}, "seq-number": {"INV-99"}, "seq-key": {"z"},
		"Trace": {"1", "2"},
	}
	if _, err := r.js.PublishMsg(t.Context(), msg); err != nil {
		t.Fatal(err)
	}
	s := r.start(t, config())
	r.awaitOutput(t, 1)
	s.stop(t)
	header := r.read(t, outputStream)[0].Headers()
	if got := header.Values("Trace"); len(got) != 2 {
		t.Errorf("Trace: got %q", got)
	}
	if got := header.Get("Seq-Id"); got != "1" {
		t.Errorf("Seq-Id: got %q", got)
	}
	if got, ok := header["seq-number"]; ok { // it would pass for the number of the copy's id
		t.Errorf("seq-number: got %q", got)
	}
	if got, ok := header["seq-key"]; ok {
		t.Errorf("seq-key: got %q", got)
	}
	if got := header.Get("Nats-Expected-Stream"); got != outputStream && got != "" {
		t.Errorf("Nats-Expected-Stream: got %q", got)
	}
}
