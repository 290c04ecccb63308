package subjects_test

import (
	"bytes"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/seqd-io/seqd/subjects"
)

// Bodies and headers that belong to the hot path.
var (
	emptyBody   []byte
	msgpackBody = []byte("\x83\xa1n\x0a\xa4mode\xa6strong\xa5nonce\xcf\x00\x00\x00\x00\x00\x00\x00\x2a")
	jsonBody    = []byte(`{"n":10,"mode":"strong","nonce":42}`)
	binaryBody  = []byte("\x82\xc4\x01n\x0a\xc4\x04mode\xc4\x06strong")
	unknownBody = []byte("\x84\xa1n\x0a\xa7x-trace\xa1a\xa4mode\xc0\x01\x02")

	// As Node's HTTP writes them, and as other services have them.
	smallHeaders   = map[string][]string{"seq-count": {"10"}, "seq-mode": {"weak"}, "accept": {"application/json, */*;q=0.8"}}
	strangeHeaders = map[string][]string{"Seq-Id": {"7"}, "X-Request-Id": {"7"}, "traceparent": {"00-x"}, "Nats-Msg-Id": {"7"}}

	allHeaders = map[string][]string{
		subjects.CountHeader: {"10"}, subjects.ModeHeader: {"weak"},
		subjects.AcceptHeader: {"text/plain"}, subjects.TimeoutHeader: {"250"},
	}
	keyHeader = map[string][]string{subjects.IdempotencyHeader: {"order-7"}}
	keyBody   = []byte("\x81\xafidempotency_key\xa7order-7")
)

const hotSubject = "seq.orders.invoice.2026.=E5=8F=91"

func TestHotPathDoesNotAllocate(t *testing.T) {
	var r subjects.Request
	nonce := subjects.IntNonce(42)
	plain := subjects.Reply{ID: 1 << 53, N: 10}
	marked := subjects.Reply{ID: 1 << 53, N: 10, Nonce: nonce}
	asked := subjects.Request{N: 10, Mode: subjects.Strong, Nonce: nonce}
	answer := marked.Append(nil, subjects.Msgpack)
	numbered := subjects.Reply{ID: 12, N: 1, Nonce: nonce, Period: "2026"}
	several := subjects.Reply{ID: 12, N: 3, Nonce: nonce, Period: "2026"}
	invoice := func(dst []byte, i int) []byte {
		return strconv.AppendInt(append(dst, "INV-2026-"...), 100+int64(i), 10)
	}
	lengthy := func(dst []byte, i int) []byte { return invoice(append(dst, "0123456789abcdef0123456789abcdef"...), i) }
	asked.IdempotencyKey = "order-7"
	buf := make([]byte, 0, 256)
	var bad *subjects.Error
	var err error
	for name, f := range map[string]func(){
		"Parse":                   func() { _, _, bad = subjects.Parse(subjects.Root, hotSubject) },
		"Decode, empty":           func() { bad = r.Decode(nil, emptyBody) },
		"Decode, msgpack":         func() { bad = r.Decode(nil, msgpackBody) },
		"Decode, headers":         func() { bad = r.Decode(allHeaders, nil) },
		"Decode, small headers":   func() { bad = r.Decode(smallHeaders, nil) },
		"Decode, strange headers": func() { bad = r.Decode(strangeHeaders, nil) },
		"Decode, binary names":    func() { bad = r.Decode(nil, binaryBody) },
		"Decode, unknown fields":  func() { bad = r.Decode(nil, unknownBody) },
		"Decode, both":            func() { bad = r.Decode(allHeaders, msgpackBody) },
		"Decode, key header":      func() { bad = r.Decode(keyHeader, nil) },
		"Request.Append":          func() { asked.Append(buf) },
		"Reply.Append, plain":     func() { plain.Append(buf, subjects.Msgpack) },
		"Reply.Append, nonce":     func() { marked.Append(buf, subjects.Msgpack) },
		"Reply.Append, JSON":      func() { plain.Append(buf, subjects.JSON) },
		"Reply.Append, int, JSON": func() { marked.Append(buf, subjects.JSON) },
		"Reply.Append, text":      func() { plain.Append(buf, subjects.Text) },
		"Numbers, one":            func() { numbered.AppendNumbers(buf, subjects.Msgpack, invoice) },
		"Numbers, several":        func() { several.AppendNumbers(buf, subjects.Msgpack, lengthy) },
		"Numbers, JSON":           func() { several.AppendNumbers(buf, subjects.JSON, invoice) },
		"Numbers, text":           func() { several.AppendNumbers(buf, subjects.Text, invoice) },
		"DecodeReply":             func() { _, err = subjects.DecodeReply(nil, answer) },
	} {
		if allocs := testing.AllocsPerRun(100, f); allocs != 0 || bad != nil || err != nil {
			t.Errorf("%s: %v allocations, %v, %v", name, allocs, bad, err)
		}
	}
}

// A body's idempotency key has to outlive the body: it is all that is allocated.
func TestIdempotencyKeyAllocatesItselfAlone(t *testing.T) {
	var r subjects.Request
	if allocs := testing.AllocsPerRun(100, func() { _ = r.Decode(nil, keyBody) }); allocs != 1 || r.IdempotencyKey != "order-7" {
		t.Errorf("%v allocations for %q", allocs, r.IdempotencyKey)
	}
}

// Whatever a msgpack body claims, reading it costs no memory; only the error is
// allocated.
func TestHostileMsgpackDoesNotAllocate(t *testing.T) {
	for _, v := range vectors[requestVector](t, "requests.json", "bad") {
		body := unhex(t, v.Body)
		if len(body) > 0 && body[0] == '{' {
			continue
		}
		if got := allocated(func() { _ = new(subjects.Request).Decode(nil, body) }); got > 2048 {
			t.Errorf("%s: %d bytes", v.Name, got)
		}
	}
	for _, field := range []string{"\xa1n\xc0", "\xa4mode\xa1x", "\xa5nonce\xc0", "\xafidempotency_key\xa17", "\xafidempotency_key\xa0", "\xa5nonce\xb112345678901234567"} {
		wrong := join("\xdf\x00\x00\xff\xff", bytes.Repeat([]byte(field), 1<<16-1))
		if got := allocated(func() { _ = new(subjects.Request).Decode(nil, wrong) }); got > 2048 {
			t.Errorf("65535 times %q: %d bytes", field, got)
		}
	}
	huge := join("\x81\xa4mode\xdb\x00\x10\x00\x00", bytes.Repeat([]byte("x"), 1<<20))
	if got := allocated(func() { _ = new(subjects.Request).Decode(nil, huge) }); got > 3*len(huge) {
		t.Errorf("a mode of 1 MiB: %d bytes", got)
	}
}

// JSON is bounded by what is there.
func TestHostileJSONAllocatesAFewTimesItsSize(t *testing.T) {
	const size = 1 << 18
	for name, body := range map[string]string{
		"long string":    `{"x":"` + strings.Repeat("a", size) + `"}`,
		"long name":      `{"` + strings.Repeat("a", size) + `":1}`,
		"long mode":      `{"mode":"` + strings.Repeat("a", size) + `"}`,
		"long nonce":     `{"nonce":"` + strings.Repeat("a", size) + `"}`,
		"long number":    `{"n":` + strings.Repeat("9", size) + `}`,
		"long array":     `{"x":[` + strings.Repeat("1,", size/2) + `1]}`,
		"deep array":     `{"x":` + strings.Repeat("[", size) + `}`,
		"many fields":    `{` + strings.Repeat(`"x":1,`, size/6) + `"n":1}`,
		"many nonces":    `{` + strings.Repeat(`"nonce":1,`, size/10) + `"n":1}`,
		"many wrong":     `{` + strings.Repeat(`"n":[],`, size/7) + `"n":1}`,
		"long key":       `{"idempotency_key":"` + strings.Repeat("a", size) + `"}`,
		"many keys":      `{` + strings.Repeat(`"idempotency_key":"",`, size/21) + `"n":1}`,
		"many escapes":   `{` + strings.Repeat(`"\n":1,`, size/7) + `"n":1}`,
		"escaped nonces": `{` + strings.Repeat(`"nonce":"\n",`, size/13) + `"n":1}`,
		"one long space": `{` + strings.Repeat(" ", size) + `}`,
	} {
		got := allocated(func() { _ = new(subjects.Request).Decode(nil, []byte(body)) })
		if got > 32*len(body) {
			t.Errorf("%s: %d bytes for %d", name, got, len(body))
		}
		t.Logf("%s: %.1f times its size", name, float64(got)/float64(len(body)))
	}
}

func TestEscapeOfALongTextDoesNotWriteIt(t *testing.T) {
	text := strings.Repeat(" ", 1<<20)
	if got := allocated(func() { _, _ = subjects.Escape(text) }); got > 2048 {
		t.Errorf("%d bytes", got)
	}
}

// allocated returns how many bytes f allocates: the least of a few runs, as
// other goroutines allocate too.
func allocated(f func()) int {
	f()
	least := -1
	for range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		if got := int(after.TotalAlloc - before.TotalAlloc); least < 0 || got < least {
			least = got
		}
	}
	return least
}
