package subjects_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/seqd-io/seqd/subjects"
	"github.com/vmihailenco/msgpack/v5"
)

// A worker, which makes numbers, and whoever holds them write the same reply.
func TestNumberedReplyVectors(t *testing.T) {
	for _, v := range vectors[replyVector](t, "replies.json", "numbered") {
		t.Run(v.JSON, func(t *testing.T) {
			r := subjects.Reply{ID: v.ID, N: v.N.int(t), Nonce: v.Nonce.nonce(t), Period: v.Period, Numbers: v.Numbers, Replayed: v.Replayed}
			made := r
			made.Numbers = nil
			next := 0
			number := func(dst []byte, i int) []byte {
				if i != next {
					t.Errorf("asked for number %d, want %d", i, next)
				}
				next++
				return append(dst, v.Numbers[i]...)
			}
			for format, want := range map[subjects.Format]string{subjects.Msgpack: string(unhex(t, v.Msgpack)), subjects.JSON: v.JSON, subjects.Text: v.Plain} {
				if got := r.Append([]byte("kept"), format); string(got) != "kept"+want {
					t.Errorf("%s: got %q, want %q", format.MediaType(), got, want)
				}
				next = 0
				if got := made.AppendNumbers([]byte("kept"), format, number); string(got) != "kept"+want || next != r.N {
					t.Errorf("%s: made anew: got %q with %d numbers, want %q", format.MediaType(), got, next, want)
				}
			}
			if got := r.Header(); fmt.Sprint(got) != fmt.Sprint(header(v.Headers)) {
				t.Errorf("headers: got %v, want %v", got, v.Headers)
			}
			if got, err := subjects.DecodeReply(header(v.Headers), unhex(t, v.Msgpack)); err != nil || !reflect.DeepEqual(got, r) {
				t.Errorf("DecodeReply: got %+v %v, want %+v", got, err, r)
			}
			checkLibraryNumbers(t, v)
		})
	}
}

// checkLibraryNumbers checks that other libraries read the vector's bytes, and that
// one writes them, in this order of fields, from the same values.
func checkLibraryNumbers(t *testing.T, v replyVector) {
	t.Helper()
	type reply struct {
		ID      int64              `msgpack:"id" json:"id,string"`
		N       uint32             `msgpack:"n" json:"n"`
		Period  string             `msgpack:"period,omitempty" json:"period,omitempty"`
		Number  string             `msgpack:"number,omitempty" json:"number,omitempty"`
		Numbers []string           `msgpack:"numbers,omitempty" json:"numbers,omitempty"`
		Nonce   msgpack.RawMessage `msgpack:"nonce,omitempty" json:"-"`
		JSON    json.RawMessage    `msgpack:"-" json:"nonce,omitempty"`
	}
	want := reply{ID: v.ID, N: uint32(v.N), Period: v.Period, Numbers: v.Numbers}
	if v.N == 1 {
		want.Number, want.Numbers = v.Numbers[0], nil
	}
	var fromMsgpack, fromJSON reply
	d := msgpack.NewDecoder(bytes.NewReader(unhex(t, v.Msgpack)))
	d.DisallowUnknownFields(true)
	if err := d.Decode(&fromMsgpack); err != nil {
		t.Error(err)
	}
	if again, err := msgpack.Marshal(fromMsgpack); err != nil || !bytes.Equal(again, unhex(t, v.Msgpack)) {
		t.Errorf("library writes %x %v, want %s", again, err, v.Msgpack)
	}
	if err := json.Unmarshal([]byte(v.JSON), &fromJSON); err != nil {
		t.Error(err)
	}
	if again, err := json.Marshal(fromJSON); err != nil || string(again) != v.JSON {
		t.Errorf("encoding/json writes %s %v, want %s", again, err, v.JSON)
	}
	fromMsgpack.Nonce, fromJSON.JSON = nil, nil
	if !reflect.DeepEqual(fromMsgpack, want) || !reflect.DeepEqual(fromJSON, want) {
		t.Errorf("libraries read %+v and %+v, want %+v", fromMsgpack, fromJSON, want)
	}
}

// Numbers of every length, and replies with as many as there may be, come back; in
// JSON they are escaped as encoding/json does it.
func TestNumbersOfAllLengths(t *testing.T) {
	for n := range 300 {
		for _, text := range []string{strings.Repeat("7", n), strings.Repeat("7", n) + "\u2028", strings.Repeat("7", n) + "\x7f"} {
			checkNumbers(t, []string{text}, 1)
			checkNumbers(t, []string{text, "b", text}, 3)
		}
	}
	for c := range 256 {
		checkNumbers(t, []string{string([]byte{'a', byte(c), 'b'})}, 1)
	}
	for _, n := range []int{15, 16, 17, subjects.MaxNumbers, 1<<16 - 1, 1 << 16} {
		all := make([]string, n)
		for i := range all {
			all[i] = "INV-" + strconv.Itoa(i)
		}
		checkNumbers(t, all, n)
	}
}

func checkNumbers(t *testing.T, numbers []string, n int) {
	t.Helper()
	r := subjects.Reply{ID: 7, N: n, Period: "2026", Numbers: numbers}
	body := r.Append(nil, subjects.Msgpack)
	if got, err := subjects.DecodeReply(nil, body); err != nil || !reflect.DeepEqual(got, r) {
		t.Fatalf("got %d numbers %v, want %d", len(got.Numbers), err, n)
	}
	var fromLibrary struct {
		Number  string   `msgpack:"number"`
		Numbers []string `msgpack:"numbers"`
	}
	if err := msgpack.Unmarshal(body, &fromLibrary); err != nil {
		t.Fatal(err)
	}
	texts := fromLibrary.Numbers
	if n == 1 {
		texts = []string{fromLibrary.Number}
	}
	if !slices.Equal(texts, numbers) {
		t.Fatalf("library reads %q, want %q", texts, numbers)
	}
	escaped, _ := json.Marshal(numbers)
	want := `{"id":"7","n":` + strconv.Itoa(n) + `,"period":"2026","numbers":` + string(escaped) + `}`
	if n == 1 {
		want = `{"id":"7","n":1,"period":"2026","number":` + string(escaped[1:len(escaped)-1]) + `}`
	}
	if got := r.Append(nil, subjects.JSON); string(got) != want {
		t.Fatalf("JSON: got %s, want %s", got, want)
	}
	if got := r.Append(nil, subjects.Text); string(got) != strings.Join(numbers, "\n") {
		t.Fatalf("text: got %q", got)
	}
}

// A key may count in periods and have no numbers, as far as a reader is concerned.
func TestPeriodAlone(t *testing.T) {
	r := subjects.Reply{ID: 1, N: 10, Period: "2026"}
	if got, err := subjects.DecodeReply(nil, r.Append(nil, subjects.Msgpack)); err != nil || !reflect.DeepEqual(got, r) {
		t.Errorf("got %+v %v", got, err)
	}
	for format, want := range map[subjects.Format]string{subjects.JSON: `{"id":"1","n":10,"period":"2026"}`, subjects.Text: "1 10"} {
		if got := string(r.Append(nil, format)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// Whatever a reply claims of its numbers, no more is allocated than a few times
// what it has.
func TestHostileNumbersAllocateAFewTimesTheirSize(t *testing.T) {
	head := "\x83\xa2id\x07\xa1n\x03\xa7numbers\xdd"
	for name, body := range map[string][]byte{
		"a claim":     join(head, []byte("\xff\xff\xff\xff")),
		"empty texts": join(head, []byte("\x00\x04\x00\x00"), bytes.Repeat([]byte{0xa0}, 1<<18)),
		"integers":    join(head, []byte("\x00\x04\x00\x00"), make([]byte, 1<<18)),
		"deep arrays": join(head, []byte("\x00\x00\x00\x01"), bytes.Repeat([]byte{0x91}, 1<<18), []byte{1}),
	} {
		if got := allocated(func() { _, _ = subjects.DecodeReply(nil, body) }); got > 20*len(body)+2048 {
			t.Errorf("%s: %d bytes for %d", name, got, len(body))
		}
	}
}
