package record

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/seqd-io/seqd/allocator"
)

func TestSessionEncode(t *testing.T) {
	for want, s := range map[string]Session{
		`{"fmt":1,"lease_ms":3000}`:                                 {Lease: 3 * time.Second},
		`{"fmt":1,"lease_ms":3000,"let_go":["orders/a.b","s/=20"]}`: {Lease: 3 * time.Second, LetGo: []string{"orders/a.b", "s/=20"}},
		`{"fmt":1,"lease_ms":1,"let_go":["*"]}`:                     {Lease: time.Millisecond, LetGo: []string{AllKeys}},
	} {
		if got := s.Encode(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if got, err := DecodeSession([]byte(want)); err != nil || !reflect.DeepEqual(got, s) {
			t.Errorf("%s: got %+v, %v, want %+v", want, got, err, s)
		}
	}
}

// A session that is not understood is neither renewed nor ended: how long it
// stands for is not known.
func TestSessionThatIsNotUnderstood(t *testing.T) {
	for value, want := range map[string]string{
		``:                                       "EOF",
		`{"fmt":2,"lease_ms":3000}`:              "format 2, this version knows 1",
		`{"lease_ms":3000}`:                      "format 0",
		`{"fmt":1}`:                              "lease_ms must be between 1 and",
		`{"fmt":1,"lease_ms":-3}`:                "lease_ms must be between 1 and",
		`{"fmt":1,"lease_ms":3000,"x":1}`:        "unknown field",
		`{"fmt":1,"lease_ms":3000,"let_go":"*"}`: "cannot unmarshal",
		`{"fmt":1,"lease_ms":3000}7`:             "data after the object",
	} {
		got, err := DecodeSession([]byte(value))
		if !errors.Is(err, allocator.ErrUnreadable) || got.Lease != 0 || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %+v, %v, want an error with %q", value, got, err, want)
		}
	}
}

func TestSessionLetsGo(t *testing.T) {
	key := allocator.Key{Store: "orders", Name: "a"}
	for _, test := range []struct {
		letGo []string
		want  bool
	}{
		{nil, false}, {[]string{"orders/a"}, true}, {[]string{"orders/b"}, false}, {[]string{"orders/a.b", "order/sa"}, false},
		{[]string{AllKeys}, true}, {[]string{"x/y", AllKeys}, true}, {[]string{"orders/*"}, false},
	} {
		if got := (Session{LetGo: test.letGo}).LetsGo(KeyName(key)); got != test.want {
			t.Errorf("%q: got %v", test.letGo, got)
		}
	}
}

// Who owns keys has stopped before anybody may take them over, even if its clock
// is slow and the other one's is fast, as long as their rates differ by no more
// than 10 %; and it has tried to renew more than once by then.
func TestSessionInstants(t *testing.T) {
	for _, lease := range []time.Duration{time.Millisecond, 100 * time.Millisecond, 3 * time.Second, time.Hour} {
		s := Session{Lease: lease}
		if slowest, fastest := float64(s.HolderStops())*1.1, float64(s.ChallengerWaits()); slowest > fastest {
			t.Errorf("%v: a holder stops after %v, a challenger waits for %v", lease, s.HolderStops(), s.ChallengerWaits())
		}
		if 2*s.RenewEvery() >= s.HolderStops() {
			t.Errorf("%v: renewed every %v, and a holder stops after %v", lease, s.RenewEvery(), s.HolderStops())
		}
	}
}
