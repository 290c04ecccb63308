package worker

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
	"github.com/seqd-io/seqd/subjects"
)

// Whatever a caller sends, handle does not panic, keeps the connection in order,
// and reserves nothing unless the request and its reply subject are well-formed;
// and then for that key only, as many as were asked for.
func FuzzHandle(f *testing.F) {
	f.Add("seq.demo.key", "_INBOX.a", []byte(nil), "", "", "", "")
	f.Add("seq.demo.key", "seq.demo.key", []byte("\x81\xa1n\x02"), "", "weak", "", "")
	f.Add("seq.demo.a.b=20", "_INBOX.a", []byte(`{"n":3,"mode":"strong","nonce":"x"}`), "", "", "application/json", "100")
	f.Add("seq.*.>", "_INBOX.>", []byte("\xdf\xff\xff\xff\xff"), "-1", "none", "text/plain", "0")
	f.Add("seq.demo.", "$SYS.x", []byte("{"), "1e3", "", "a/b", "x")
	f.Add("seq.de\r\nmo.key", "a\r\nPUB b 0\r\n", []byte("\xc1"), "\r\n", "\x00", "\xff", "99999999999999999999")
	f.Add("_SEQD.x.advance.demo.key", "_SEQD.x", []byte("\x81\xa4mode\xda\xff\xff"), "", "", "", "")
	s := newSubscriber(f)
	memory := s.store.backend.Counter.(*allocatortest.Memory)
	f.Fuzz(func(t *testing.T, subject, reply string, body []byte, count, mode, accept, timeout string) {
		m := &nats.Msg{Subject: subject, Reply: reply, Data: body}
		for name, value := range map[string]string{subjects.CountHeader: count, subjects.ModeHeader: mode, subjects.AcceptHeader: accept, subjects.TimeoutHeader: timeout} {
			if value != "" {
				if m.Header == nil {
					m.Header = nats.Header{}
				}
				m.Header[name] = []string{value}
			}
		}
		before, keys := len(memory.Calls()), s.store.backend.issuer.Keys()
		s.handle(m)
		for s.w.waiting.Load() > 0 {
			time.Sleep(10 * time.Microsecond)
		}
		calls := memory.Calls()[before:]

		store, key, err := subjects.Parse(subjects.Root, subject)
		var req subjects.Request
		decodeErr := req.Decode(m.Header, body)
		usable := reply != "" && !strings.ContainsAny(reply, "*> \t\r\n") && !strings.HasPrefix(reply, "seq.") && !strings.HasPrefix(reply, "_SEQD.") && reply[0] != '$'
		if err != nil || decodeErr != nil || req.N > DefaultMaxCount || !usable {
			if len(calls) > 0 || s.store.backend.issuer.Keys() > keys {
				t.Fatalf("ids were reserved: %v", calls)
			}
		}
		for _, c := range calls {
			// A key's first segment has 10 ids, and grows with use.
			if c.Key != (allocator.Key{Store: store, Name: key}) {
				t.Fatalf("another key's ids were reserved: %v", c)
			}
		}
		if s.store.backend.issuer.Keys() > keys+1 {
			t.Fatal("more than one key came to memory")
		}
		if err := s.w.conn().FlushTimeout(10 * time.Second); err != nil {
			t.Fatalf("the connection is gone: %v", err)
		}
		if err := s.w.conn().LastError(); err != nil {
			t.Fatalf("the server complains: %v", err)
		}
	})
}
