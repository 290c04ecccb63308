package worker

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/integration/pace"
)

// Words about messages that were taken as a whole share one, each sender's for
// itself; what names no number, and what was not taken, is told at once.
func TestWordsShareAMessage(t *testing.T) {
	in := runInside(t, nil)
	words, err := in.nc.SubscribeSync("from.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := in.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	const messages = 500
	request := carried{key: allocator.Key{Store: "a", Name: "k"}, reply: "_INBOX.nobody", n: 1, left: time.Minute, hops: 1}
	want := map[string]map[uint64]bool{"from.x": {}, "from.y": {}}
	for i := range messages {
		for sender, numbers := range want {
			seq := uint64(1000 + i)
			numbers[seq] = true
			if err := in.nc.PublishRequest(PeerSubject(in.ID()), sender+"-"+strconv.FormatUint(seq, 36), encoded(request)); err != nil {
				t.Fatal(err)
			}
		}
	}
	came := 0
	for len(want["from.x"])+len(want["from.y"]) > 0 {
		m, err := words.NextMsg(pace.Patience)
		if err != nil {
			t.Fatalf("%v; %d words missing", err, len(want["from.x"])+len(want["from.y"]))
		}
		came++
		numbers, clock, ok := readMany(m.Data)
		if !ok { // it came late on a busy machine, and was told alone
			seq, _ := strconv.ParseUint(m.Subject[len("from.x-"):], 36, 64)
			delete(want[m.Subject[:len("from.x")]], seq)
			continue
		}
		if now := time.Since(in.started); clock <= 0 || clock > now {
			t.Errorf("the word is of %v, at %v", clock, now)
		}
		for len(numbers) > 0 {
			seq, n := binary.Uvarint(numbers)
			if !want[m.Subject[:len("from.x")]][seq] {
				t.Fatalf("%s says %d, twice or for nothing", m.Subject, seq)
			}
			delete(want[m.Subject[:len("from.x")]], seq)
			numbers = numbers[n:]
		}
	}
	t.Logf("%d words about %d messages", came, 2*messages)
	if said := in.hand(t, request); !said.all {
		t.Errorf("a message without a number got %+v", said)
	}
	request.key.Store = "unknown"
	if err := in.nc.PublishRequest(PeerSubject(in.ID()), "from.x-1", encoded(request)); err != nil {
		t.Fatal(err)
	}
	m, err := words.NextMsg(pace.Patience)
	if err != nil {
		t.Fatal(err)
	}
	if said := readWord(m.Data, 1); said.took(0) {
		t.Errorf("an unknown store is taken: %+v", said)
	}
}

// What can't be read of a word about many messages tells of none.
func TestReadMany(t *testing.T) {
	for _, b := range []string{"", "\x01", "\x01\x04", "\x01\x04\x00\x00\x00", "\x02\x04" + "12345678", "\x01\x00" + "12345678"} {
		if _, _, ok := readMany([]byte(b)); ok {
			t.Errorf("%q is read", b)
		}
	}
	in := runInside(t, nil)
	before := in.handovers.stats.taken.Load()
	for _, numbers := range []string{"\x80", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "\x07"} {
		in.handovers.hears(&nats.Msg{Subject: in.handovers.reply + "1", Data: fmt.Appendf(nil, "\x01\x0412345678%s", numbers)})
	}
	if got := in.handovers.stats.taken.Load(); got != before {
		t.Errorf("%d requests were taken", got-before)
	}
}
