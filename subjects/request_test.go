package subjects_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seqd-io/seqd/subjects"
	"github.com/vmihailenco/msgpack/v5"
)

type requestVector struct {
	Name      string
	Headers   map[string]string
	Body      string
	N         count
	Mode      *string
	Format    string
	TimeoutMs *int64 `json:"timeout_ms"`
	Nonce     *nonceVector
	Key       string `json:"idempotency_key"`
	Canonical bool
	Code      subjects.Code
}

// timeout returns the vector's patience; one of 0 ms must differ from none.
func (v requestVector) timeout() time.Duration {
	switch {
	case v.TimeoutMs == nil:
		return 0
	case *v.TimeoutMs == 0:
		return 1
	}
	return time.Duration(*v.TimeoutMs) * time.Millisecond
}

func (v requestVector) mode() subjects.Mode {
	if v.Mode == nil {
		return subjects.DefaultMode
	}
	m, _ := subjects.ParseMode(*v.Mode)
	return m
}

func TestDecodeVectors(t *testing.T) {
	var r subjects.Request // one for all: Decode has to replace what the last one left
	for _, v := range vectors[requestVector](t, "requests.json", "good") {
		t.Run(v.Name, func(t *testing.T) {
			body := unhex(t, v.Body)
			kept := slices.Clone(body)
			want := subjects.Request{N: v.N.int(t), Mode: v.mode(), Format: parseFormat(t, v.Format), Timeout: v.timeout(), IdempotencyKey: v.Key}
			if err := r.Decode(header(v.Headers), body); err != nil {
				t.Fatal(err)
			}
			if want.Nonce = r.Nonce; r != want {
				t.Errorf("got %+v, want %+v", r, want)
			}
			if r.Nonce.IsSet() != (v.Nonce != nil) {
				t.Errorf("nonce: got %t", r.Nonce.IsSet())
			}
			clear(body) // the buffer is the caller's: a nonce must not live in it, nor a key
			v.Nonce.checkEcho(t, r.Nonce)
			if r.IdempotencyKey != v.Key {
				t.Errorf("idempotency key: got %q, want %q", r.IdempotencyKey, v.Key)
			}

			encoded := r.Append(nil)
			if v.Canonical && !bytes.Equal(encoded, kept) {
				t.Errorf("Append: got %x, want %x", encoded, kept)
			}
			var again subjects.Request
			if err := again.Decode(nil, encoded); err != nil || again.N != r.N || again.Mode != r.Mode || again.IdempotencyKey != v.Key {
				t.Errorf("Decode(Append): got %+v %v, want %+v", again, err, r)
			}
			v.Nonce.checkEcho(t, again.Nonce)
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	var r subjects.Request
	for _, v := range vectors[requestVector](t, "requests.json", "bad") {
		t.Run(v.Name, func(t *testing.T) {
			err := r.Decode(header(v.Headers), unhex(t, v.Body))
			checkBadRequest(t, err)
			if v.Code != subjects.BadRequest {
				t.Fatalf("vector wants %s", v.Code)
			}
			if want := parseFormat(t, v.Format); r.Format != want {
				t.Errorf("format: got %d, want %d", r.Format, want)
			}
			v.Nonce.checkEcho(t, r.Nonce)
		})
	}
}

// isJSON says of a good body whether it is JSON.
func isJSON(body []byte) bool { return bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")) }

// Only whole maps are read: no shorter body passes, and none with a byte more.
func TestDecodeWantsTheWholeBody(t *testing.T) {
	for _, v := range vectors[requestVector](t, "requests.json", "good") {
		body := unhex(t, v.Body)
		whole := body
		if isJSON(body) {
			whole = bytes.TrimRight(body, " \t\r\n")
		}
		var r subjects.Request
		for i := 1; i < len(whole); i++ {
			if err := r.Decode(nil, whole[:i]); err == nil {
				t.Errorf("%s: accepted when cut to %d bytes", v.Name, i)
			}
		}
		for _, tail := range []string{"\x00", "\xc0", "\x80", "{}"} {
			if err := r.Decode(nil, join(string(body), []byte(tail))); err == nil && len(body) > 0 {
				t.Errorf("%s: accepted with %q behind", v.Name, tail)
			}
		}
	}
}

// Another msgpack library reads from every good body what we read.
func TestDecodeAgreesWithLibrary(t *testing.T) {
	for _, v := range vectors[requestVector](t, "requests.json", "good") {
		body := unhex(t, v.Body)
		if len(body) == 0 || isJSON(body) || len(v.Headers) > 0 {
			continue
		}
		n, mode, nonce, key := int64(1), "", []byte(nil), ""
		buf := bytes.NewReader(body)
		d := msgpack.NewDecoder(buf)
		pairs, err := d.DecodeMapLen()
		for range pairs {
			var name, value msgpack.RawMessage
			if name, err = d.DecodeRaw(); err != nil {
				break
			}
			if value, err = d.DecodeRaw(); err != nil {
				break
			}
			var field string
			if msgpack.Unmarshal(name, &field) != nil || value[0] == 0xc0 { // nil: not given
				continue
			}
			switch field {
			case "n":
				err = msgpack.Unmarshal(value, &n)
			case "mode":
				err = msgpack.Unmarshal(value, &mode)
			case "nonce":
				nonce = value
			case "idempotency_key":
				err = msgpack.Unmarshal(value, &key)
			}
		}
		if err != nil || buf.Len() > 0 {
			t.Errorf("%s: library: %v, %d bytes left", v.Name, err, buf.Len())
		}
		m, _ := subjects.ParseMode(mode)
		if n != int64(v.N) || m != v.mode() || v.Nonce != nil && !bytes.Equal(nonce, unhex(t, v.Nonce.Msgpack)) || key != v.Key {
			t.Errorf("%s: library reads n=%d mode=%q nonce=%x idempotency_key=%q", v.Name, n, mode, nonce, key)
		}
	}
}

// A hundred thousand nested arrays cost no stack, and no memory either.
func TestDecodeDeepNesting(t *testing.T) {
	const depth = 100_000
	var r subjects.Request
	deep := join("\x82\xa1x", bytes.Repeat([]byte{0x91}, depth), []byte("\x01\xa1n\x05"))
	if err := r.Decode(nil, deep); err != nil || r.N != 5 {
		t.Fatalf("got %d %v", r.N, err)
	}
	if allocs := testing.AllocsPerRun(3, func() { _ = r.Decode(nil, deep) }); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
	json := strings.Repeat("[", depth) + strings.Repeat("]", depth)
	if err := r.Decode(nil, []byte(`{"x":`+json+`}`)); err != nil {
		checkBadRequest(t, err)
	}
}

func TestModeAndFormatNames(t *testing.T) {
	for _, m := range []subjects.Mode{subjects.Weak, subjects.Strong} {
		if got, err := subjects.ParseMode(m.String()); err != nil || got != m {
			t.Errorf("%s: got %v %v", m, got, err)
		}
	}
	if _, err := subjects.ParseMode(subjects.DefaultMode.String()); err == nil {
		t.Error("the name of the default mode is on the wire")
	}
	for _, f := range []subjects.Format{subjects.Msgpack, subjects.JSON, subjects.Text} {
		r := subjects.Request{}
		if err := r.Decode(map[string][]string{subjects.AcceptHeader: {f.MediaType()}}, nil); err != nil || r.Format != f {
			t.Errorf("%s: got %d %v", f.MediaType(), r.Format, err)
		}
	}
}
