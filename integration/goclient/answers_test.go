package goclient_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	seqd "github.com/seqd-io/seqd/clients/go"
	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/subjects"
)

var codes = []struct {
	err   *subjects.Error
	again bool // another attempt follows
}{
	{seqd.ErrBadRequest, false},
	{seqd.ErrFenced, false},
	{seqd.ErrBusy, true},
	{seqd.ErrInternal, false},
	{seqd.ErrUnavailable, true},
	{seqd.ErrExpired, true},
	{seqd.ErrExhausted, false},
	{&subjects.Error{Code: "UNHEARD_OF", Text: "from a later version"}, false},
}

// patient is for tests that count attempts: no attempt may time out on a slow
// machine.
var patient = []seqd.Option{seqd.WithTimeout(pace.Patience), seqd.WithAttemptTimeout(pace.Patience)}

func TestErrorThenIDs(t *testing.T) {
	for _, tt := range codes {
		t.Run(string(tt.err.Code), func(t *testing.T) {
			s := startServer(t, nil)
			count := serve(t, s, func(r *request) {
				if r.num <= 2 {
					r.fail(&subjects.Error{Code: tt.err.Code, Text: "scripted"})
					return
				}
				r.ids(7)
			})
			got, err := newClient(t, connect(t, s), patient...).Next(t.Context(), "orders", "invoice")
			if tt.again {
				if err != nil || got != 7 || count.Load() != 3 {
					t.Errorf("got %d, %v after %d requests, want 7 after 3", got, err, count.Load())
				}
				return
			}
			if !errors.Is(err, tt.err) || got != 0 || count.Load() != 1 {
				t.Errorf("got %d, %v after %d requests, want %v after 1", got, err, count.Load(), tt.err)
			}
			if errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v counts as a timeout", err)
			}
		})
	}
}

// A caller that gets nothing but errors learns which; the worker's wish to wait
// ends a call at once where it goes past the deadline.
func TestErrorSurvives(t *testing.T) {
	for _, want := range codes {
		t.Run(string(want.err.Code), func(t *testing.T) {
			s := startServer(t, nil)
			serve(t, s, func(r *request) {
				r.fail(&subjects.Error{Code: want.err.Code, Text: "scripted", RetryAfter: time.Hour})
			})
			_, err := newClient(t, connect(t, s), patient...).Next(t.Context(), "orders", "a b")
			for _, other := range codes {
				if got := errors.Is(err, other.err); got != (other.err == want.err) {
					t.Errorf("errors.Is(err, %s) is %v", other.err.Code, got)
				}
			}
			e, ok := errors.AsType[*subjects.Error](err)
			if !ok || e.Text != "scripted" || e.RetryAfter != time.Hour {
				t.Errorf("got %#v", e)
			}
			if got := errors.Is(err, context.DeadlineExceeded); got != want.again {
				t.Errorf("errors.Is(err, context.DeadlineExceeded) is %v", got)
			}
			for _, part := range []string{`store "orders"`, `key "a b"`, "scripted"} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %s", err, part)
				}
			}
		})
	}
}

func TestBusyWaitsAsLongAsTold(t *testing.T) {
	s := startServer(t, nil)
	var turnedAway time.Time
	var waited time.Duration
	const retryAfter = 60 * time.Millisecond
	count := serve(t, s, func(r *request) {
		if r.num == 1 {
			turnedAway = r.arrived
			r.fail(&subjects.Error{Code: subjects.Busy, Text: "full", RetryAfter: retryAfter})
			return
		}
		waited = r.arrived.Sub(turnedAway)
		r.ids(1)
	})
	if got, err := newClient(t, connect(t, s), patient...).Next(t.Context(), "orders", "invoice"); err != nil || got != 1 {
		t.Fatalf("got %d, %v, want 1", got, err)
	}
	if count.Load() != 2 || waited < retryAfter {
		t.Errorf("got %d requests, the second after %v, want 2 and at least %v", count.Load(), waited, retryAfter)
	}
}

// Whatever comes back without the nonce of the request that waits is dropped.
func TestStrangersAnswer(t *testing.T) {
	var late []byte // the answer to the first request, sent to a later one
	for name, answer := range map[string]func(r *request){
		"wrong nonce": func(r *request) { r.send(&subjects.Reply{ID: 1, N: 1, Nonce: subjects.IntNonce(1)}) },
		"no nonce":    func(r *request) { r.send(&subjects.Reply{ID: 1, N: 1}) },
		"wrong form of nonce": func(r *request) {
			nonce, _ := subjects.StringNonce("x")
			r.send(&subjects.Reply{ID: 1, N: 1, Nonce: nonce})
		},
		"late answer": func(r *request) {
			if r.num == 1 {
				late = (&subjects.Reply{ID: 1, N: 1, Nonce: r.Nonce}).Append(nil, subjects.Msgpack)
				r.fail(&subjects.Error{Code: subjects.Unavailable, Text: "ask again"})
				return
			}
			r.raw(nil, late)
		},
		"error with a wrong nonce": func(r *request) {
			nonce := subjects.IntNonce(1)
			r.raw(subjects.ErrExhausted.Header(), subjects.AppendError(nil, subjects.Msgpack, subjects.ErrExhausted, &nonce))
		},
		"nothing":                 func(r *request) { r.raw(nil, nil) },
		"a stream's acknowledge":  func(r *request) { r.raw(nil, []byte(`{"stream":"SEQ", "seq":1}`)) },
		"text":                    func(r *request) { r.raw(nil, []byte("1")) },
		"an empty map":            func(r *request) { r.raw(nil, []byte{0x80}) },
		"half a map":              func(r *request) { r.raw(nil, []byte{0x82, 0xa2, 'i', 'd', 0xd3, 0, 0}) },
		"a map that claims a lot": func(r *request) { r.raw(nil, []byte{0xdf, 0xff, 0xff, 0xff, 0xff}) },
	} {
		t.Run(name, func(t *testing.T) {
			s := startServer(t, nil)
			count := serve(t, s, func(r *request) {
				if r.num <= 2 {
					answer(r)
					return
				}
				r.ids(7)
			})
			c := newClient(t, connect(t, s), patient...)
			if got, err := c.Next(t.Context(), "orders", "invoice"); err != nil || got != 7 || count.Load() != 3 {
				t.Errorf("got %d, %v after %d requests, want 7 after 3", got, err, count.Load())
			}
		})
	}
}

// namesSubject checks that a call timed out and says where strangers listen.
func namesSubject(err error) error {
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), `listens on "seq.orders.invoice"`) {
		return fmt.Errorf("got %v, want a timeout that names the subject", err)
	}
	return nil
}

func TestOnlyStrangersAnswer(t *testing.T) {
	s := startServer(t, nil)
	serve(t, s, func(r *request) { r.raw(nil, []byte(`{"stream":"SEQ", "seq":1}`)) })
	c := newClient(t, connect(t, s))
	pace.Enough(t, 100*time.Millisecond, func(d time.Duration) error {
		_, err := c.Next(t.Context(), "orders", "invoice", seqd.WithTimeout(d), seqd.WithAttemptTimeout(d))
		return namesSubject(err)
	})
}

// An attempt without an answer is followed by another, whose answer is not
// mistaken for the first one's late answer.
func TestLateAnswer(t *testing.T) {
	s := startServer(t, nil)
	var first *request
	serve(t, s, func(r *request) {
		if r.num == 1 {
			first = r
			return
		}
		if r.Nonce == first.Nonce {
			t.Error("two attempts have one nonce")
		}
		first.ids(1)
		r.ids(2)
	})
	c := newClient(t, connect(t, s), seqd.WithTimeout(pace.Patience), seqd.WithAttemptTimeout(50*time.Millisecond))
	if got, err := c.Next(t.Context(), "orders", "invoice"); err != nil || got != 2 {
		t.Errorf("got %d, %v, want 2", got, err)
	}
}

// A worker that could not read the nonce still gets its error through.
func TestErrorWithoutNonce(t *testing.T) {
	s := startServer(t, nil)
	count := serve(t, s, func(r *request) { r.raw(subjects.ErrBadRequest.Header(), nil) })
	_, err := newClient(t, connect(t, s), patient...).Next(t.Context(), "orders", "invoice")
	if !errors.Is(err, seqd.ErrBadRequest) || count.Load() != 1 {
		t.Errorf("got %v after %d requests, want %v after 1", err, count.Load(), seqd.ErrBadRequest)
	}
}

// An answer with the right nonce that makes no sense is a fault in seqd.
func TestSenselessAnswer(t *testing.T) {
	for _, tt := range []struct {
		id int64
		n  int
	}{{0, 5}, {-1, 5}, {1, 0}, {1, 4}, {1, 6}} {
		t.Run(strconv.FormatInt(tt.id, 10)+" "+strconv.Itoa(tt.n), func(t *testing.T) {
			s := startServer(t, nil)
			count := serve(t, s, func(r *request) { r.send(&subjects.Reply{ID: tt.id, N: tt.n, Nonce: r.Nonce}) })
			got, err := newClient(t, connect(t, s), patient...).NextN(t.Context(), "orders", "invoice", 5)
			if !errors.Is(err, seqd.ErrInternal) || got != (seqd.Range{}) || count.Load() != 1 {
				t.Errorf("got %v, %v after %d requests, want %v after 1", got, err, count.Load(), seqd.ErrInternal)
			}
		})
	}
}
