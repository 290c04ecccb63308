package subjects_test

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/seqd-io/seqd/subjects"
)

// A client compares the nonce it sent with the one that comes back, through a
// request, a reply and an error reply.
func TestNonceComesBackUnchanged(t *testing.T) {
	var nonces []subjects.Nonce
	for _, u := range []uint64{0, 1, 127, 128, 1 << 53, math.MaxInt64, math.MaxInt64 + 1, math.MaxUint64} {
		nonces = append(nonces, subjects.IntNonce(u))
	}
	for _, s := range []string{"", "a", "发票", "\x00\xff", strings.Repeat("x", subjects.MaxNonceLen)} {
		n, err := subjects.StringNonce(s)
		if err != nil {
			t.Fatal(err)
		}
		nonces = append(nonces, n)
	}
	for i, sent := range nonces {
		asked := subjects.Request{N: 10, Mode: subjects.Strong, Nonce: sent}
		var arrived subjects.Request
		if err := arrived.Decode(nil, asked.Append(nil)); err != nil || arrived != asked {
			t.Fatalf("%d: got %+v %v, want %+v", i, arrived, err, asked)
		}
		answer := subjects.Reply{ID: 1, N: 10, Nonce: arrived.Nonce}
		if got, err := subjects.DecodeReply(nil, answer.Append(nil, subjects.Msgpack)); err != nil || !reflect.DeepEqual(got, answer) {
			t.Errorf("%d: reply: got %+v %v, want %+v", i, got, err, answer)
		}
		refusal := subjects.AppendError(nil, subjects.Msgpack, subjects.ErrBusy, &arrived.Nonce)
		if got, err := subjects.DecodeReply(subjects.ErrBusy.Header(), refusal); err == nil || got.Nonce != sent {
			t.Errorf("%d: error reply: got %+v %v", i, got, err)
		}
		for j, other := range nonces {
			if (other == sent) != (i == j) {
				t.Errorf("nonces %d and %d: equal is %t", i, j, other == sent)
			}
		}
	}
}

// A nonce was compared together with bytes that an earlier, longer one
// had left behind it: the client did not know its own nonce again.
func TestNonceLeavesNothingBehind(t *testing.T) {
	want, _ := subjects.StringNonce("ab")
	var r subjects.Request // used again, as a worker may
	for _, body := range []string{"\x81\xa5nonce\xa8abcdefgh", "\x81\xa5nonce\xa2ab"} {
		if err := r.Decode(nil, []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	if r.Nonce != want {
		t.Errorf("got %+v, want %+v", r.Nonce, want)
	}
}

func TestStringNonceTooLong(t *testing.T) {
	n, err := subjects.StringNonce(strings.Repeat("x", subjects.MaxNonceLen+1))
	checkBadRequest(t, err)
	if n.IsSet() {
		t.Error("nonce is set with an error")
	}
}

// What came in JSON goes out in msgpack and the other way round. The rows are
// what the vectors don't say: values one format writes in more ways than one.
func TestNonceChangesFormat(t *testing.T) {
	for _, tt := range []struct {
		name, body    string
		msgpack, json string // the echo
	}{
		{"JSON int, shortest msgpack", `{"nonce":128}`, "\xcc\x80", "128"},
		{"JSON negative int", `{"nonce":-33}`, "\xd3\xff\xff\xff\xff\xff\xff\xff\xdf", "-33"},
		{"JSON minus zero", `{"nonce":-0}`, "\x00", "-0"},
		{"JSON string that looks like a number", `{"nonce":"7"}`, "\xa17", `"7"`},
		{"JSON string with markup", `{"nonce":"<a&b>"}`, "\xa5<a&b>", `"\u003ca\u0026b\u003e"`},
		{"JSON string with NUL", `{"nonce":"a\u0000"}`, "\xa2a\x00", `"a\u0000"`},
		{"bin, base64 with padding", "\x81\xa5nonce\xc4\x01\xff", "\xc4\x01\xff", `"/w=="`},
		{"str32", "\x81\xa5nonce\xdb\x00\x00\x00\x01a", "\xdb\x00\x00\x00\x01a", `"a"`},
		{"int16 of a small number", "\x81\xa5nonce\xd1\x00\x01", "\xd1\x00\x01", "1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var r subjects.Request
			if err := r.Decode(nil, []byte(tt.body)); err != nil {
				t.Fatal(err)
			}
			reply := subjects.Reply{ID: 1, N: 1, Nonce: r.Nonce}
			const head = "\x83\xa2id\xd3\x00\x00\x00\x00\x00\x00\x00\x01\xa1n\xce\x00\x00\x00\x01\xa5nonce"
			if got := string(reply.Append(nil, subjects.Msgpack)); got != head+tt.msgpack {
				t.Errorf("msgpack: got %x, want %x", got, head+tt.msgpack)
			}
			if got, want := string(reply.Append(nil, subjects.JSON)), `{"id":"1","n":1,"nonce":`+tt.json+`}`; got != want {
				t.Errorf("JSON: got %s, want %s", got, want)
			}
			if got := string(reply.Append(nil, subjects.Text)); got != "1" {
				t.Errorf("text: got %q", got)
			}
		})
	}
}
