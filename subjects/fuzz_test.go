package subjects_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/seqd-io/seqd/subjects"
	"github.com/vmihailenco/msgpack/v5"
)

// What Parse accepts is canonical: it is the one spelling of what it gives back.
func FuzzParse(f *testing.F) {
	for _, group := range []string{"good", "bad"} {
		for _, v := range vectors[struct{ Root, Subject, Store, Key, Reason string }](f, "subjects.json", group) {
			f.Add(v.Subject)
		}
	}
	f.Fuzz(func(t *testing.T, subject string) {
		store, key, err := subjects.Parse(subjects.Root, subject)
		if err != nil {
			checkBadRequest(t, err)
			return
		}
		if subjects.Subject(subjects.Root, store, key) != subject {
			t.Fatalf("%q: got %q %q", subject, store, key)
		}
		if strings.ContainsAny(subject, "*> \x00\r\n") || len(key) > subjects.MaxKeyLen || strings.Count(key, ".") >= subjects.MaxKeyTokens {
			t.Fatalf("%q was accepted", subject)
		}
		text, badKey := subjects.Unescape(key)
		if badKey != nil || text == "" {
			t.Fatalf("Unescape(%q): %q %v", key, text, badKey)
		}
		// Only a dot may be written in another way than Escape would.
		if again, err := subjects.Escape(text); !strings.Contains(key, "=2E") && (err != nil || again != key) {
			t.Fatalf("%q: text %q is written %q %v", key, text, again, err)
		}
	})
}

// Every text comes back, so no two share a key.
func FuzzEscape(f *testing.F) {
	var last string
	for _, group := range []string{"good", "bad"} {
		for _, v := range vectors[keyVector](f, "keys.json", group) {
			text := string(unhex(f, v.TextHex))
			f.Add(last, text)
			last = text
		}
	}
	f.Add("a.b", "a=2Eb")
	f.Fuzz(func(t *testing.T, one, other string) {
		keys := [2]string{}
		for i, text := range []string{one, other} {
			key, err := subjects.Escape(text)
			if err != nil {
				checkBadRequest(t, err)
				return
			}
			checkEscape(t, text, key)
			keys[i] = key
		}
		if (one == other) != (keys[0] == keys[1]) {
			t.Fatalf("%q and %q are written %q and %q", one, other, keys[0], keys[1])
		}
	})
}

// maxAllocs is what an error needs; the body's content must not add to it.
const maxAllocs = 12

func FuzzDecodeRequest(f *testing.F) {
	for _, group := range []string{"good", "bad"} {
		for _, v := range vectors[requestVector](f, "requests.json", group) {
			h := v.Headers
			f.Add(unhex(f, v.Body), h[subjects.CountHeader], h[subjects.ModeHeader], h[subjects.AcceptHeader], h[subjects.TimeoutHeader], h[subjects.IdempotencyHeader])
		}
	}
	f.Fuzz(func(t *testing.T, body []byte, count, mode, accept, timeout, key string) {
		header := map[string][]string{}
		for name, value := range map[string]string{subjects.CountHeader: count, subjects.ModeHeader: mode, subjects.AcceptHeader: accept, subjects.TimeoutHeader: timeout, subjects.IdempotencyHeader: key} {
			if value != "" {
				header[name] = []string{value}
			}
		}
		var r subjects.Request
		err := r.Decode(header, body)
		if len(body) > 0 && isMap(body[0]) {
			checkStructure(t, body)
			if allocs := testing.AllocsPerRun(1, func() { _ = new(subjects.Request).Decode(nil, body) }); allocs > maxAllocs {
				t.Fatalf("%v allocations for %x", allocs, body)
			}
		}
		if isJSON(body) {
			checkObject(t, body)
		}
		if err != nil {
			checkBadRequest(t, err)
			return
		}
		if r.N < 1 || r.N > subjects.MaxN || r.Timeout < 0 || len(r.IdempotencyKey) > subjects.MaxIdempotencyKeyLen || key != "" && r.IdempotencyKey != key {
			t.Fatalf("got %+v", r)
		}
		var again subjects.Request
		if err := again.Decode(nil, r.Append(nil)); err != nil || again.N != r.N || again.Mode != r.Mode || again.IdempotencyKey != r.IdempotencyKey {
			t.Fatalf("got %+v %v, want %+v", again, err, r)
		}
		if got, want := echo(again), echo(r); !bytes.Equal(got, want) {
			t.Fatalf("echo: got %x, want %x", got, want)
		}
		reply := subjects.Reply{ID: 1, N: r.N, Nonce: r.Nonce}
		if b := reply.Append(nil, subjects.JSON); !json.Valid(b) {
			t.Fatalf("no JSON: %s", b)
		}
	})
}

// isMap says what the contract says of a body's first byte.
func isMap(b byte) bool { return b >= 0x80 && b <= 0x8f || b == 0xde || b == 0xdf }

func echo(r subjects.Request) []byte {
	reply := subjects.Reply{ID: 1, N: 1, Nonce: r.Nonce}
	return reply.Append(nil, subjects.Msgpack)
}

// checkStructure checks that another library finds one whole map in body
// exactly where Decode does.
func checkStructure(t *testing.T, body []byte) {
	t.Helper()
	if strconv.IntSize == 32 {
		return // the library takes a length of 2^32-1 for -1
	}
	rest := bytes.NewReader(body)
	want := msgpack.NewDecoder(rest).Skip() == nil && rest.Len() == 0
	err := new(subjects.Request).Decode(nil, body)
	got := err == nil || !strings.Contains(err.Error(), "one whole msgpack map")
	if got != want {
		t.Fatalf("%x: whole is %t (%v), another library says %t", body, got, err, want)
	}
}

// checkObject checks that encoding/json reads from body what Decode reads.
func checkObject(t *testing.T, body []byte) {
	t.Helper()
	var r subjects.Request
	err := r.Decode(nil, body)
	whole := err == nil || !strings.Contains(err.Error(), "one whole JSON object")
	var want map[string]json.RawMessage
	if valid := json.Unmarshal(body, &want) == nil; valid != whole {
		t.Fatalf("%q: whole is %t (%v), encoding/json says %t", body, whole, err, valid)
	}
	if err != nil {
		return
	}
	known := len(want) == 0
	for name, value := range want {
		plain := strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(name))
		switch exact := strings.Contains(" n mode nonce idempotency_key ", " "+name+" "); {
		case exact:
			known = true
		case plain == "n", plain == "mode", plain == "nonce", plain == "idempotencykey":
			t.Fatalf("%q was served, with a field that is nearly right", body)
		}
		if string(value) == "null" { // not given
			delete(want, name)
		}
	}
	if !known {
		t.Fatalf("%q was served, with no field that is known", body)
	}
	if n := want["n"]; len(n) > 0 && string(n) != strconv.Itoa(r.N) || len(n) == 0 && r.N != 1 {
		t.Fatalf("%q: got %d, want %s", body, r.N, n)
	}
	var mode string
	if _ = json.Unmarshal(want["mode"], &mode); mode != "" && mode != r.Mode.String() || mode == "" && r.Mode != subjects.DefaultMode {
		t.Fatalf("%q: got %s, want %s", body, r.Mode, mode)
	}
	if _, ok := want["nonce"]; ok != r.Nonce.IsSet() {
		t.Fatalf("%q: nonce: got %t, want %t", body, r.Nonce.IsSet(), ok)
	}
	var key string
	if _ = json.Unmarshal(want["idempotency_key"], &key); key != r.IdempotencyKey {
		t.Fatalf("%q: idempotency key: got %q, want %q", body, r.IdempotencyKey, key)
	}
}

func FuzzDecodeReply(f *testing.F) {
	for _, group := range []string{"accept", "refuse"} {
		for _, v := range vectors[answerVector](f, "decode.json", group) {
			f.Add(unhex(f, v.Body), v.Headers[subjects.ErrorCodeHeader], v.Headers[subjects.ErrorHeader])
		}
	}
	for _, group := range []string{"replies", "numbered"} {
		for _, v := range vectors[replyVector](f, "replies.json", group) {
			f.Add(unhex(f, v.Msgpack), "", "")
		}
	}
	for _, v := range vectors[errorVector](f, "errors.json", "errors") {
		f.Add(unhex(f, v.Msgpack), v.Headers[subjects.ErrorCodeHeader], v.Headers[subjects.ErrorHeader])
	}
	f.Fuzz(func(t *testing.T, body []byte, number, text string) {
		var header map[string][]string
		if number != "" {
			header = map[string][]string{subjects.ErrorCodeHeader: {number}, subjects.ErrorHeader: {text}}
		}
		reply, err := subjects.DecodeReply(header, body)
		if err == nil {
			if number != "" || reply.ID < 1 || reply.N < 1 || reply.N > subjects.MaxN || reply.ID+int64(reply.N)-1 < reply.ID {
				t.Fatalf("got %+v", reply)
			}
			if b := reply.Append(nil, subjects.JSON); !json.Valid(b) {
				t.Fatalf("no JSON: %s", b)
			}
			if again, err := subjects.DecodeReply(nil, reply.Append(nil, subjects.Msgpack)); err != nil || !reflect.DeepEqual(again, reply) {
				t.Fatalf("got %+v %v, want %+v", again, err, reply)
			}
			return
		}
		e, ok := errors.AsType[*subjects.Error](err)
		if !ok || e.Code == "" || e.RetryAfter < 0 || reply.ID != 0 || reply.N != 0 {
			t.Fatalf("got %+v %#v", reply, err)
		}
		if len(e.Code) > 1000 || len(e.Text) > 1000 {
			return // longer than anybody writes
		}
		sent := subjects.AppendError(nil, subjects.Msgpack, e, &reply.Nonce)
		again, err := subjects.DecodeReply(e.Header(), sent)
		if back, ok := errors.AsType[*subjects.Error](err); !ok || *back != *e || !reflect.DeepEqual(again, reply) {
			t.Fatalf("got %+v %+v, want %+v %+v", again, back, reply, e)
		}
		if b := subjects.AppendError(nil, subjects.JSON, e, &reply.Nonce); !json.Valid(b) {
			t.Fatalf("no JSON: %s", b)
		}
	})
}
