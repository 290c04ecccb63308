package subjects_test

import (
	"strings"
	"testing"

	"github.com/seqd-io/seqd/subjects"
)

// Who sends a key that can't be one hears what is wrong with it, in the words of
// where he has put it.
func TestIdempotencyKeyRefusals(t *testing.T) {
	long := strings.Repeat("k", subjects.MaxIdempotencyKeyLen+1)
	for _, tt := range []struct {
		header map[string][]string
		body   string
		want   string
	}{
		{nil, `{"idempotency_key":""}`, `idempotency_key must have 1 to 64 bytes`},
		{nil, "\x81\xafidempotency_key\xc4\x00", `idempotency_key must have 1 to 64 bytes`},
		{nil, `{"idempotency_key":"` + long + `"}`, `idempotency_key must have 1 to 64 bytes`},
		{nil, `{"idempotency_key":7}`, `idempotency_key must be a string or binary`},
		{nil, "\x81\xafidempotency_key\x07", `idempotency_key must be a string or binary`},
		{nil, `{"idempotency_key":"\ud800"}`, `idempotency_key must be text that UTF-8 can write`},
		{nil, `{"idempotency_key":"a","idempotency_key":"a"}`, `field "idempotency_key" stands twice`},
		{one("idempotency-key", ""), "", `Idempotency-Key must have 1 to 64 bytes`},
		{one("IDEMPOTENCY-KEY", long), "", `Idempotency-Key must have 1 to 64 bytes`},
		{one("Idempotency-Key", "a"), `{"idempotency_key":""}`, `idempotency_key must have 1 to 64 bytes`},
		{map[string][]string{"Idempotency-Key": {"a"}, "idempotency-key": {"b"}}, "", `header Idempotency-Key stands twice, with different values`},
	} {
		r := subjects.Request{IdempotencyKey: "of the last one"}
		err := r.Decode(tt.header, []byte(tt.body))
		checkBadRequest(t, err)
		if want := "BAD_REQUEST: " + tt.want; err.Error() != want {
			t.Errorf("%v %.60q: got %v, want %s", tt.header, tt.body, err, want)
		}
		if r.IdempotencyKey != "" {
			t.Errorf("%v %.60q: key %q beside an error", tt.header, tt.body, r.IdempotencyKey)
		}
	}
}

// Keys that differ are never one: no byte of a key is put in place of another.
func TestDifferentKeysStayDifferent(t *testing.T) {
	seen := map[string]string{}
	for _, body := range []string{
		"\x81\xafidempotency_key\xa2a\xff", "\x81\xafidempotency_key\xc4\x02a\xfe", // no text, and kept all the same
		"\x81\xafidempotency_key\xa2a\x00", "\x81\xafidempotency_key\xa1a", "\x81\xafidempotency_key\xa1A", "\x81\xafidempotency_key\xa2a ",
		`{"idempotency_key":"a\ud83d"}`, `{"idempotency_key":"a\ud83e"}`, `{"idempotency_key":"a\ufffd"}`,
		"{\"idempotency_key\":\"a\xff\xff\"}", "{\"idempotency_key\":\"a\ufffd\"}", "{\"idempotency_key\":\"a\ufffd\\n\"}",
	} {
		var r subjects.Request
		if r.Decode(nil, []byte(body)) != nil {
			continue // refused: it is taken for no other
		}
		if other, ok := seen[r.IdempotencyKey]; ok {
			t.Errorf("%q and %q have the key %q", body, other, r.IdempotencyKey)
		}
		seen[r.IdempotencyKey] = body
	}
	if len(seen) != 8 {
		t.Errorf("%d keys were read, want 8: %q", len(seen), seen)
	}
}

// A retry may be written in another way than what it repeats: the key is the same.
func TestOneKeyInAllSpellings(t *testing.T) {
	for _, tt := range []struct {
		header map[string][]string
		body   string
	}{
		{one("Idempotency-Key", "ä/7"), ""},
		{one("idempotency-key", "ä/7"), `{"idempotency_key":"other"}`},
		{nil, `{"idempotency_key":"ä/7"}`},
		{nil, `{"idempotency_key":"\u00e4\/7"}`},
		{nil, "\x81\xafidempotency_key\xa4ä/7"},
		{nil, "\x81\xc4\x0fidempotency_key\xc4\x04ä/7"},
	} {
		var r subjects.Request
		if err := r.Decode(tt.header, []byte(tt.body)); err != nil || r.IdempotencyKey != "ä/7" {
			t.Errorf("%v %q: got %q %v", tt.header, tt.body, r.IdempotencyKey, err)
		}
	}
}
