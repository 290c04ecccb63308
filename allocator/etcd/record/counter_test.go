package record

import (
	"errors"
	"strings"
	"testing"

	"github.com/seqd-io/seqd/allocator"
)

// The bytes that stand in etcd: versions that know no owners read the first, and
// refuse the second.
func TestCounterEncode(t *testing.T) {
	for want, c := range map[string]Counter{
		`{"fmt":1,"last":0,"by":""}`:                                 {},
		`{"fmt":1,"last":1234,"by":"w1"}`:                            {Last: 1234, By: "w1"},
		`{"fmt":2,"last":9223372036854775807,"by":"a","owner":"w1"}`: {Last: 1<<63 - 1, By: "a", Owner: "w1"},
		`{"fmt":2,"last":1,"by":"\"","owner":"\\"}`:                  {Last: 1, By: `"`, Owner: `\`},
	} {
		if got := c.Encode(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if got, err := DecodeCounter([]byte(want)); err != nil || got != c {
			t.Errorf("%s: got %+v, %v, want %+v", want, got, err, c)
		}
	}
}

// What could mean something that our next write would destroy is refused.
func TestCounterThatIsNotUnderstood(t *testing.T) {
	for value, want := range map[string]string{
		``:                              "EOF",
		`7`:                             "cannot unmarshal",
		`{"fmt":4,"last":1,"by":"w"}`:   "format 4, this version knows 1 to 3",
		`{"last":1,"by":"w"}`:           "format 0",
		`{"fmt":2,"last":1,"by":"w"}`:   "an owner in format 2, and in no other",
		`{"fmt":2,"last":1,"owner":""}`: "an owner in format 2, and in no other",
		`{"fmt":1,"last":1,"by":"w","owner":"w"}`:          "an owner in format 2, and in no other",
		`{"fmt":2,"last":1,"by":"w","owner":7}`:            "cannot unmarshal",
		`{"fmt":2,"last":1,"by":"w","owner":"w","x":1}`:    "unknown field",
		`{"fmt":2,"last":-1,"by":"w","owner":"w"}`:         "last must be 0 or more",
		`{"fmt":2,"by":"w","owner":"w"}`:                   "last must be 0 or more",
		`{"fmt":2,"last":1,"by":"w","owner":"w"}{"fmt":2}`: "data after the object",
	} {
		got, err := DecodeCounter([]byte(value))
		if !errors.Is(err, allocator.ErrUnreadable) || got != (Counter{}) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %+v, %v, want an error with %q", value, got, err, want)
		}
	}
}

func FuzzDecodeCounter(f *testing.F) {
	for _, seed := range []string{`{"fmt":1,"last":5,"by":"w"}`, `{"fmt":2,"last":5,"by":"w","owner":"v"}`, `{"fmt":2,"last":5}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		c, err := DecodeCounter(value)
		if err != nil {
			return
		}
		if again, err := DecodeCounter([]byte(c.Encode())); c.Last < 0 || err != nil || again != c {
			t.Errorf("%q is %+v, and written again %+v, %v", value, c, again, err)
		}
	})
}
