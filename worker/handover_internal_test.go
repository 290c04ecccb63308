package worker

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/integration/servers"
	"github.com/seqd-io/seqd/subjects"
)

// someCarried has each field set in one request at least.
func someCarried() []carried {
	nonce, _ := subjects.StringNonce("sixteen bytes...")
	return []carried{
		{key: allocator.Key{Store: "a", Name: "k"}, reply: "_INBOX.x", n: 1, left: time.Second, hops: 1},
		{key: allocator.Key{Store: "store", Name: "a.b/=20"}, reply: "_INBOX.x.y", n: subjects.MaxN, weak: true, format: subjects.Text, left: time.Microsecond, named: true, hops: maxHops},
		{key: allocator.Key{Store: "a", Name: "k"}, reply: "r", n: 300, format: subjects.JSON, nonce: nonce, left: maxLeft, hops: 2},
		{key: allocator.Key{Store: "a", Name: "k"}, reply: "r", n: 1, nonce: subjects.IntNonce(7), left: time.Second, hops: 1, parent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", state: "a=1"},
		{key: allocator.Key{Store: "a", Name: "k"}, reply: "r", n: 1, left: time.Second, hops: 1, parent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
	}
}

// someKeyed have idempotency keys of all kinds, with and without what stands before
// them.
func someKeyed() []carried {
	return []carried{
		{key: allocator.Key{Store: "a", Name: "k"}, reply: "r", n: 1, left: time.Second, hops: 1, idempotencyKey: "7"},
		{key: allocator.Key{Store: "a", Name: "k"}, reply: "r", n: 5, weak: true, nonce: subjects.IntNonce(7), left: time.Second, named: true, hops: 2, parent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", state: "a=1", idempotencyKey: "Bestellung-ä-€-17"},
		{key: allocator.Key{Store: "a", Name: "k"}, reply: "r", n: 1, format: subjects.JSON, left: time.Second, hops: 1, parent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", idempotencyKey: strings.Repeat("\xff", subjects.MaxIdempotencyKeyLen)},
	}
}

func encoded(requests ...carried) []byte {
	b := make([]byte, parcelHead)
	for i := range requests {
		b = appendCarried(b, &requests[i])
	}
	closeParcel(b, takeWithin, len(requests), 0)
	return b
}

// What is handed over arrives unchanged.
func TestParcelComesBack(t *testing.T) {
	for _, want := range [][]carried{someCarried(), someKeyed(), slices.Concat(someCarried(), someKeyed(), someCarried())} {
		got, patience, ok := openParcel(string(encoded(want...)), nil)
		if !ok || patience != takeWithin || len(got) != len(want) {
			t.Fatalf("got %d requests, %v, %v", len(got), patience, ok)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("got %+v, want %+v", got[i], want[i])
			}
		}
	}
}

// Workers of the version before read every message in which no request has an
// idempotency key, for it has the very bytes that they write. They take none in
// which one has: whoever sends it goes on by itself, and keeps the key.
func TestParcelForOlderWorkers(t *testing.T) {
	const written = "\x01\x00\xc8\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00" +
		"\x00\x01\x01\xc0\x84\x3d\x08_INBOX.x\x03a.k" +
		"\x2c\x02\xac\x02\xc0\x84\x3d\x01r\x03a.k\x10\x81\xa5nonce\xcf\x00\x00\x00\x00\x00\x00\x00\x07" +
		"\x3700-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\x03a=1"
	plain := []carried{
		{key: allocator.Key{Store: "a", Name: "k"}, reply: "_INBOX.x", n: 1, left: time.Second, hops: 1},
		{key: allocator.Key{Store: "a", Name: "k"}, reply: "r", n: 300, format: subjects.Text, nonce: subjects.IntNonce(7), left: time.Second, hops: 2, parent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", state: "a=1"},
	}
	used := encoded(someKeyed()...)
	again := appendCarried(used[:parcelHead], &plain[0]) // a body is used for many messages
	again = appendCarried(again, &plain[1])
	closeParcel(again, takeWithin, len(plain), 0)
	for _, got := range [][]byte{encoded(plain...), again} {
		if string(got) != written {
			t.Errorf("got %q, want %q", got, written)
		}
	}
	for i := range 3 { // wherever the key stands
		mixed := slices.Insert(slices.Clone(plain), i, someKeyed()[0])
		body := encoded(mixed...)
		if body[0] == wireVersion {
			t.Errorf("with a key in request %d an older worker reads it", i)
		}
		body[0] = wireVersion
		if _, _, ok := openParcel(string(body), nil); ok {
			t.Errorf("a key in request %d is taken in a message of a version without", i)
		}
	}
}

// A message is refused as a whole: cut short, too long, or of another version.
func TestParcelIsRefused(t *testing.T) {
	whole := encoded(slices.Concat(someCarried(), someKeyed())...)
	for n := range whole {
		if _, _, ok := openParcel(string(whole[:n]), nil); ok {
			t.Errorf("the first %d of %d bytes are taken", n, len(whole))
		}
	}
	if _, _, ok := openParcel(string(whole)+"x", nil); ok {
		t.Error("one byte too many is taken")
	}
	whole[0]++
	if _, _, ok := openParcel(string(whole), nil); ok {
		t.Error("another version is taken")
	}
	good := someCarried()[0]
	for what, change := range map[string]func(*carried){
		"no hop":        func(c *carried) { c.hops = 0 },
		"too many hops": func(c *carried) { c.hops = maxHops + 1 },
		"no id":         func(c *carried) { c.n = 0 },
		"a bad key":     func(c *carried) { c.key.Name = "a..b" },
		"a bad store":   func(c *carried) { c.key.Store = "a b" },
		"a bad format":  func(c *carried) { c.format = 3 },
		"a long reply":  func(c *carried) { c.reply = string(make([]byte, maxReplyLen+1)) },
		"a long key":    func(c *carried) { c.idempotencyKey = string(make([]byte, subjects.MaxIdempotencyKeyLen+1)) },
	} {
		bad := good
		change(&bad)
		if _, _, ok := openParcel(string(encoded(good, bad)), nil); ok {
			t.Errorf("%s is taken", what)
		}
	}
	good.idempotencyKey = "k"
	empty := bytes.Replace(encoded(good), []byte("\x01k"), []byte("\x00"), 1)
	if _, _, ok := openParcel(string(empty), nil); ok || len(empty) != len(encoded(good))-1 {
		t.Error("an empty idempotency key is taken")
	}
	flags := encoded(good)
	flags[parcelHead] |= flagKeyed << 1
	if _, _, ok := openParcel(string(flags), nil); ok {
		t.Error("an unknown flag is taken")
	}
}

// Words say of each request whether it was taken.
func TestWords(t *testing.T) {
	for count := 1; count <= 20; count++ {
		for _, refused := range [][]int{nil, {0}, {count - 1}} {
			w := readWord(appendWord(nil, count, refused), count)
			for i := range count {
				if want := len(refused) == 0 || refused[0] != i; w.took(i) != want {
					t.Errorf("%d of %d: taken is %v", i, count, !want)
				}
			}
		}
	}
	for _, junk := range [][]byte{nil, {wireVersion}, {2, wordAll}, {wireVersion, wordSome, 0, 0}, {wireVersion, 7}} {
		if w := readWord(junk, 8); w.took(0) || w.took(7) {
			t.Errorf("%v says that something was taken", junk)
		}
	}
}

// Whatever comes, reading it does not panic, and what is read is a parcel that is
// written as it came, but for what has more than one spelling.
func FuzzOpenParcel(f *testing.F) {
	f.Add(encoded(someCarried()...))
	f.Add(encoded(someKeyed()...))
	f.Add(encoded(slices.Concat(someCarried(), someKeyed(), someCarried())...))
	f.Add([]byte("\x01\x00\xc8\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x01\x01\x01\x01r\x03a.k"))
	f.Add([]byte("\x01\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		requests, patience, ok := openParcel(string(b), nil)
		if !ok {
			return
		}
		if len(requests) < 1 || len(requests) > maxCarried {
			t.Fatalf("%d requests", len(requests))
		}
		out := encoded(requests...)
		closeParcel(out, patience, len(requests), 0)
		again, _, ok := openParcel(string(out), nil)
		if !ok || len(again) != len(requests) || len(out) > len(b) {
			t.Fatalf("%q is written as %q", b, out)
		}
		for i := range again {
			if again[i] != requests[i] {
				t.Fatalf("got %+v, want %+v", again[i], requests[i])
			}
		}
		if !bytes.Equal(encoded(again...)[parcelHead:], out[parcelHead:]) {
			t.Fatal("it is written in two ways")
		}
	})
}

// inside is a running worker whose inside a test looks at.
type inside struct {
	*Worker
	memory *allocatortest.Memory
	nc     *nats.Conn
}

func runInside(t *testing.T, change func(*Config)) *inside {
	t.Helper()
	in := &inside{memory: &allocatortest.Memory{}}
	server := servers.StartNATS(t, nil)
	in.nc = server.Connect(t)
	config := Config{
		Connect:  func(options ...nats.Option) (*nats.Conn, error) { return nats.Connect(server.URL, options...) },
		Backends: []Backend{{Counter: in.memory, Stores: []Store{{Name: "a"}}}},
		Log:      slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&config)
	}
	w, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	in.Worker = w
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	select {
	case <-w.Ready():
	case <-time.After(pace.Patience):
		t.Fatal("the worker did not get ready")
	}
	return in
}

// hand hands requests over as another worker does, and returns the word.
func (in *inside) hand(t *testing.T, requests ...carried) word {
	t.Helper()
	m, err := in.nc.Request(PeerSubject(in.ID()), encoded(requests...), pace.Patience)
	if err != nil {
		t.Fatal(err)
	}
	return readWord(m.Data, len(requests))
}

// Requests of many keys come in one message; each caller is answered as he asked,
// and once.
func TestManyKeysInOneMessage(t *testing.T) {
	in := runInside(t, nil)
	inbox := in.nc.NewInbox()
	answers, err := in.nc.SubscribeSync(inbox + ".*")
	if err != nil {
		t.Fatal(err)
	}
	var requests []carried
	want := map[string]string{}
	for i, name := range []string{"x", "y", "z"} {
		r := carried{key: allocator.Key{Store: "a", Name: name}, reply: inbox + "." + name, n: i + 1, format: subjects.Text, left: time.Minute, hops: 1, weak: i == 1}
		requests = append(requests, r)
		want[r.reply] = []string{"1", "1 2", "1 3"}[i]
	}
	unknown := requests[0]
	unknown.key.Store = "nobodys"
	requests = append(requests, unknown)
	said := in.hand(t, requests...)
	for i := range requests {
		if said.took(i) != (i < 3) {
			t.Errorf("request %d: taken is %v", i, said.took(i))
		}
	}
	for range len(want) { // not the map: what is deleted would not be waited for
		m, err := answers.NextMsg(pace.Patience)
		if err != nil {
			t.Fatal(err)
		}
		if string(m.Data) != want[m.Subject] {
			t.Errorf("%s: got %q, want %q", m.Subject, m.Data, want[m.Subject])
		}
		delete(want, m.Subject)
	}
	if s := in.Snapshot(); s.HandoversReceived != 3 {
		t.Errorf("%d are counted, want 3", s.HandoversReceived)
	}
	if m, err := answers.NextMsg(10 * time.Millisecond); err == nil {
		t.Errorf("another answer: %s %q", m.Subject, m.Data)
	}
}

// Carried reply subjects are checked as those that come from callers: one that
// leads to workers, or to NATS's own APIs, is not answered and burns no id.
func TestForgedReplySubjects(t *testing.T) {
	in := runInside(t, nil)
	heard, err := in.nc.SubscribeSync(">")
	if err != nil {
		t.Fatal(err)
	}
	replies := []string{"seq.a.other", "_SEQD." + in.ID() + ".requests", "_SEQD.x.requests", "$SRV.PING", "a..b", "a.*", "a b", "a\r\nPUB b 0\r\n"}
	for _, reply := range replies {
		in.hand(t, carried{key: allocator.Key{Store: "a", Name: "k"}, reply: reply, n: 1, left: time.Minute, hops: 1})
	}
	if err := in.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	for n, _, _ := heard.Pending(); n > 0; n-- {
		m, err := heard.NextMsg(pace.Patience)
		if err != nil {
			t.Fatal(err)
		}
		for _, reply := range replies {
			if m.Subject == reply && m.Subject != PeerSubject(in.ID()) {
				t.Errorf("%q was sent to %s", m.Data, m.Subject)
			}
		}
	}
	if calls := in.memory.Calls(); len(calls) > 0 || in.Snapshot().NoReply != int64(len(replies)) {
		t.Errorf("ids were burnt: %v; %d are counted", calls, in.Snapshot().NoReply)
	}
}

// receiving returns the receiver's side of a worker that serves store "a", and a
// function that has it handle a message of one request, and returns its word.
func receiving(t *testing.T) (s *subscriber, receive func(body []byte) word) {
	t.Helper()
	s = newSubscriber(t)
	s.store.state = Serving
	words, err := s.w.conn().SubscribeSync("word")
	if err != nil {
		t.Fatal(err)
	}
	handle := newReceiver(s.w)
	return s, func(body []byte) word {
		t.Helper()
		handle(&nats.Msg{Subject: PeerSubject(s.w.ID()), Reply: "word", Data: body})
		m, err := words.NextMsg(pace.Patience)
		if err != nil {
			t.Fatal(err)
		}
		return readWord(m.Data, 1)
	}
}

// What is as old as its sender's patience is not taken: he may serve it himself
// by now. A process that stood still finds such messages.
func TestOldHandoversAreNotTaken(t *testing.T) {
	s, receive := receiving(t)
	w := s.w
	w.started = w.started.Add(-time.Hour)
	for _, test := range []struct {
		pulse time.Duration // that old
		taken bool
	}{{0, true}, {takeWithin, true}, {takeWithin + beatInterval + time.Millisecond, false}, {time.Minute, false}} {
		request := carried{key: allocator.Key{Store: "a", Name: "k"}, reply: "_INBOX.x", n: 1, left: time.Minute, hops: 1}
		w.pulse.latest.Store(int64(time.Since(w.started) - test.pulse))
		said := receive(encoded(request))
		if said.took(0) != test.taken || said.late == test.taken {
			t.Errorf("with a pulse %v old: %+v", test.pulse, said)
		}
	}
}

// A request that comes to no end is refused after three hops, and one that has
// not come so far is handed on.
func TestHops(t *testing.T) {
	in := runInside(t, nil)
	next, err := in.nc.SubscribeSync(PeerSubject("next"))
	if err != nil {
		t.Fatal(err)
	}
	answers, err := in.nc.SubscribeSync("answers")
	if err != nil {
		t.Fatal(err)
	}
	if err := in.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	st := in.stores["a"]
	lose := func(hops uint8) {
		a := &asked{reply: "answers", arrived: time.Now(), stats: &st.stats, lane: strongLane}
		c, _ := in.accept(st, allocator.Key{Store: "a", Name: "k"}, 1, a)
		c.hops = hops
		c.Allocated(&c.Request, allocator.Range{}, &allocator.LostRace{Winner: "next", Owner: true})
	}
	for hops := range uint8(maxHops) {
		lose(hops)
		m, err := next.NextMsg(pace.Patience)
		if err != nil {
			t.Fatal(err)
		}
		requests, _, ok := openParcel(string(m.Data), nil)
		if !ok || len(requests) != 1 || requests[0].hops != hops+1 {
			t.Errorf("got %+v", requests)
		}
		_ = m.Respond(appendWord(nil, 1, nil))
	}
	lose(maxHops)
	m, err := answers.NextMsg(pace.Patience)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := subjects.DecodeReply(m.Header, m.Data); err == nil || !bytes.Contains(m.Data, []byte("retry_after_ms")) {
		t.Errorf("got %q, want UNAVAILABLE", m.Data)
	}
}

// What comes while a message is handed over shares the next one, and no message
// is larger than NATS takes.
func TestParcelsAreShared(t *testing.T) {
	in := runInside(t, nil)
	next, err := in.nc.SubscribeSync(PeerSubject("next"))
	if err != nil {
		t.Fatal(err)
	}
	if err := in.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	st, out := in.stores["a"], outboxes{w: in.Worker}
	const calls = 3*maxParcel + 7
	for range calls {
		c, _ := in.accept(st, allocator.Key{Store: "a", Name: "k"}, 1, &asked{reply: "_INBOX.x", arrived: time.Now(), stats: &st.stats})
		out.add(c, "next", time.Now())
	}
	out.flush()
	got := 0
	for _, want := range []int{maxParcel, maxParcel, maxParcel, 7} {
		m, err := next.NextMsg(pace.Patience)
		if err != nil {
			t.Fatal(err)
		}
		requests, _, ok := openParcel(string(m.Data), nil)
		if !ok || len(requests) != want {
			t.Errorf("%d requests, want %d", len(requests), want)
		}
		got += len(requests)
		_ = m.Respond(appendWord(nil, len(requests), nil))
	}
	until(t, func() bool { return in.waiting.Load() == 0 })
	if s := in.Snapshot(); s.HandedOver != calls || s.HandoverMessages != 4 {
		t.Errorf("%d in %d messages, want %d in 4", s.HandedOver, s.HandoverMessages, calls)
	}
}

// until waits until a condition holds that is sure to.
func until(t *testing.T, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(pace.Patience); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("it did not come to pass")
		}
	}
}
