package subjects_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"testing"

	"github.com/seqd-io/seqd/subjects"
	"github.com/vmihailenco/msgpack/v5"
)

type replyVector struct {
	ID                   int64 `json:",string"`
	N                    count
	Nonce                *nonceVector
	Msgpack, JSON, Plain string

	// Of those that have numbers.
	Period   string
	Numbers  []string
	Replayed bool
	Headers  map[string]string
}

func TestReplyVectors(t *testing.T) {
	for _, v := range vectors[replyVector](t, "replies.json", "replies") {
		t.Run(v.JSON, func(t *testing.T) {
			r := subjects.Reply{ID: v.ID, N: v.N.int(t), Nonce: v.Nonce.nonce(t)}
			want := unhex(t, v.Msgpack)
			if got := r.Append([]byte("kept"), subjects.Msgpack); !bytes.Equal(got, join("kept", want)) {
				t.Errorf("msgpack: got %x, want %x", got, want)
			}
			if got := r.Append([]byte("kept"), subjects.JSON); string(got) != "kept"+v.JSON {
				t.Errorf("JSON: got %s, want %s", got, v.JSON)
			}
			if got := r.Append([]byte("kept"), subjects.Text); string(got) != "kept"+v.Plain {
				t.Errorf("text: got %q, want %q", got, v.Plain)
			}
			if v.Nonce == nil && len(want) != 20 {
				t.Errorf("a plain reply has %d bytes, want 20", len(want))
			}
			if got, err := subjects.DecodeReply(nil, want); err != nil || !reflect.DeepEqual(got, r) {
				t.Errorf("DecodeReply: got %+v %v, want %+v", got, err, r)
			}
			checkLibraryReply(t, r, want)
		})
	}
}

// checkLibraryReply checks that other libraries read our bytes, and write them
// from the same values.
func checkLibraryReply(t *testing.T, r subjects.Reply, body []byte) {
	t.Helper()
	type reply struct {
		ID    int64              `msgpack:"id" json:"id,string"`
		N     uint32             `msgpack:"n" json:"n"`
		Nonce msgpack.RawMessage `msgpack:"nonce,omitempty" json:"-"`
	}
	var got reply
	d := msgpack.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields(true)
	if err := d.Decode(&got); err != nil || got.ID != r.ID || int(got.N) != r.N {
		t.Errorf("library reads %+v %v", got, err)
	}
	if again, err := msgpack.Marshal(got); err != nil || !bytes.Equal(again, body) {
		t.Errorf("library writes %x %v, want %x", again, err, body)
	}
	var fromJSON reply
	if err := json.Unmarshal(r.Append(nil, subjects.JSON), &fromJSON); err != nil || fromJSON.ID != r.ID || int(fromJSON.N) != r.N {
		t.Errorf("encoding/json reads %+v %v", fromJSON, err)
	}
}

// The same for ids and counts nobody chose.
func TestReplyIsAlwaysTwentyBytes(t *testing.T) {
	for shift := range 63 {
		for _, id := range []int64{1 << shift, 1<<shift - 1, math.MaxInt64 - 1<<shift} {
			r := subjects.Reply{ID: id, N: 1 + shift}
			body := r.Append(nil, subjects.Msgpack)
			if len(body) != 20 {
				t.Errorf("id %d: %d bytes", id, len(body))
			}
			checkLibraryReply(t, r, body)
		}
	}
}

type answerVector struct {
	Name         string
	Headers      map[string]string
	Body         string
	ID           int64 `json:",string"`
	N            count
	Nonce        *nonceVector
	Period       string
	Numbers      []string
	Replayed     bool
	Code         subjects.Code
	Text         *string
	RetryAfterMs *int64 `json:"retry_after_ms"`
}

func TestDecodeReplyAccepts(t *testing.T) {
	for _, v := range vectors[answerVector](t, "decode.json", "accept") {
		t.Run(v.Name, func(t *testing.T) {
			want := subjects.Reply{ID: v.ID, N: v.N.int(t), Nonce: v.Nonce.nonce(t), Period: v.Period, Numbers: v.Numbers, Replayed: v.Replayed}
			if got, err := subjects.DecodeReply(header(v.Headers), unhex(t, v.Body)); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v %v, want %+v", got, err, want)
			}
		})
	}
}

func TestDecodeReplyRefuses(t *testing.T) {
	for _, v := range vectors[answerVector](t, "decode.json", "refuse") {
		t.Run(v.Name, func(t *testing.T) {
			reply, err := subjects.DecodeReply(header(v.Headers), unhex(t, v.Body))
			e, ok := errors.AsType[*subjects.Error](err)
			if !ok || e.Code != v.Code {
				t.Fatalf("got %v, want %s", err, v.Code)
			}
			if want := (subjects.Reply{Nonce: v.Nonce.nonce(t)}); !reflect.DeepEqual(reply, want) {
				t.Errorf("got %+v with an error, want %+v", reply, want)
			}
			if v.Text != nil && e.Text != *v.Text {
				t.Errorf("text: got %q, want %q", e.Text, *v.Text)
			}
			retry := int64(0)
			if v.RetryAfterMs != nil {
				retry = *v.RetryAfterMs
			}
			if e.RetryAfter.Milliseconds() != retry {
				t.Errorf("retry after: got %v, want %d ms", e.RetryAfter, retry)
			}
		})
	}
}

// A cut reply is never taken for ids.
func TestDecodeReplyWantsTheWholeBody(t *testing.T) {
	for _, v := range slices.Concat(vectors[replyVector](t, "replies.json", "replies"), vectors[replyVector](t, "replies.json", "numbered")) {
		body := unhex(t, v.Msgpack)
		for i := range body {
			if r, err := subjects.DecodeReply(nil, body[:i]); err == nil {
				t.Fatalf("%s cut to %d bytes: got %+v", v.JSON, i, r)
			}
		}
	}
}

// Text can be read back with nothing but a scan.
func TestTextReplyScans(t *testing.T) {
	r := subjects.Reply{ID: math.MaxInt64 - 9, N: 10}
	var first, last int64
	if _, err := fmt.Sscan(string(r.Append(nil, subjects.Text)), &first, &last); err != nil || first != r.ID || last != math.MaxInt64 {
		t.Errorf("got %d %d %v", first, last, err)
	}
	r.N = 1
	if id, err := strconv.ParseInt(string(r.Append(nil, subjects.Text)), 10, 64); err != nil || id != r.ID {
		t.Errorf("got %d %v", id, err)
	}
}
