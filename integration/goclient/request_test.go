package goclient_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	seqd "github.com/seqd-io/seqd/clients/go"
	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/subjects"
)

func TestKeysAreEscaped(t *testing.T) {
	s := startServer(t, nil)
	subject := make(chan string, 1)
	serve(t, s, func(r *request) {
		subject <- r.msg.Subject
		r.ids(1)
	})
	c := newClient(t, connect(t, s), patient...)
	for key, want := range map[string]string{
		"invoice":          "seq.orders.invoice",
		"a.b":              "seq.orders.a.b",
		"a/b":              "seq.orders.a/b",
		"发票/2026":          "seq.orders.=E5=8F=91=E7=A5=A8/2026",
		"a b":              "seq.orders.a=20b",
		"=":                "seq.orders.=3D",
		"=20":              "seq.orders.=3D20",
		".":                "seq.orders.=2E",
		"..":               "seq.orders.=2E=2E",
		"a..b.":            "seq.orders.a.=2Eb=2E",
		"*":                "seq.orders.=2A",
		">":                "seq.orders.=3E",
		"a\r\nPUB x 1\r\n": "seq.orders.a=0D=0APUB=20x=201=0D=0A",
		"\x00\xff":         "seq.orders.=00=FF",
	} {
		t.Run(key, func(t *testing.T) {
			if _, err := c.Next(t.Context(), "orders", key); err != nil {
				t.Fatal(err)
			}
			if got := <-subject; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// Each request says what the caller wants and how long this attempt may take.
func TestRequest(t *testing.T) {
	s := startServer(t, nil)
	got := make(chan *request, 1000) // an attempt that takes too long is followed by others
	serve(t, s, func(r *request) {
		got <- r
		r.ids(1)
	})
	nc := connect(t, s)
	plain := newClient(t, nc, seqd.WithTimeout(pace.Patience))
	strong := newClient(t, nc, seqd.WithMode(seqd.Strong), seqd.WithTimeout(5*time.Second), seqd.WithAttemptTimeout(20*time.Second))

	var nonces []subjects.Nonce
	for _, tt := range []struct {
		name    string
		client  *seqd.Client
		n       int
		opts    []seqd.Option
		mode    seqd.Mode
		timeout time.Duration // at most
	}{
		{"defaults", plain, 1, nil, seqd.DefaultMode, 500 * time.Millisecond},
		{"range", plain, 1000, nil, seqd.DefaultMode, 500 * time.Millisecond},
		{"mode of the call", plain, 1, []seqd.Option{seqd.WithMode(seqd.Weak)}, seqd.Weak, 500 * time.Millisecond},
		{"attempt timeout", plain, 1, []seqd.Option{seqd.WithAttemptTimeout(300 * time.Millisecond)}, seqd.DefaultMode, 300 * time.Millisecond},
		{"mode of the client", strong, 1, nil, seqd.Strong, 5 * time.Second},
		{"call over client", strong, 1, []seqd.Option{seqd.WithMode(seqd.DefaultMode)}, seqd.DefaultMode, 5 * time.Second},
		{"call forgotten", strong, 1, nil, seqd.Strong, 5 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			key := strings.ReplaceAll(tt.name, " ", "-")
			if _, err := tt.client.NextN(t.Context(), "orders", key, tt.n, tt.opts...); err != nil {
				t.Fatal(err)
			}
			r := <-got
			for r.key != key {
				r = <-got
			}
			if r.N != tt.n || r.Mode != tt.mode {
				t.Errorf("got n %d mode %v, want %d %v", r.N, r.Mode, tt.n, tt.mode)
			}
			if r.Timeout <= 0 || r.Timeout > tt.timeout {
				t.Errorf("got timeout %v, want at most %v", r.Timeout, tt.timeout)
			}
			if !r.Nonce.IsSet() || slices.Contains(nonces, r.Nonce) {
				t.Errorf("nonce %v is not new", r.Nonce)
			}
			nonces = append(nonces, r.Nonce)
		})
	}
}

// A patience of 0 ms would be outlived on arrival: every attempt would get
// EXPIRED.
func TestTimeoutHeaderIsAtLeastOneMillisecond(t *testing.T) {
	s := startServer(t, nil)
	got := make(chan string, 1000)
	serve(t, s, func(r *request) { got <- r.header.Get(subjects.TimeoutHeader) })
	c := newClient(t, connect(t, s), seqd.WithAttemptTimeout(900*time.Microsecond), seqd.WithTimeout(200*time.Millisecond))
	if _, err := c.Next(t.Context(), "orders", "invoice"); err == nil {
		t.Fatal("got ids from a silent worker")
	}
	if ms := <-got; ms != "1" {
		t.Errorf("got %s ms, want 1", ms)
	}
}

func TestArgumentsAreCheckedBeforeSending(t *testing.T) {
	s := startServer(t, nil)
	count := serve(t, s, func(r *request) { r.ids(1) })
	c := newClient(t, connect(t, s))
	for _, tt := range []struct {
		name, store, key string
		n                int
		opts             []seqd.Option
		text             string
	}{
		{"no store", "", "invoice", 1, nil, "store must have"},
		{"store with dot", "a.b", "invoice", 1, nil, "not '.'"},
		{"any store", "*", "invoice", 1, nil, "not '*'"},
		{"no key", "orders", "", 1, nil, "key must have"},
		{"long key", "orders", strings.Repeat("k", 201), 1, nil, "key must have"},
		{"huge key", "orders", strings.Repeat("k", 1<<20), 1, nil, "key must have"},
		{"deep key", "orders", strings.Repeat("k.", 15) + "k", 1, nil, "tokens"},
		{"n 0", "orders", "invoice", 0, nil, "n must be"},
		{"n negative", "orders", "invoice", -1, nil, "n must be"},
		{"n above 32 bits", "orders", "invoice", math.MaxUint32 + 1, nil, "n must be"},
		{"mode", "orders", "invoice", 1, []seqd.Option{seqd.WithMode(7)}, "mode must be"},
		{"root", "orders", "invoice", 1, []seqd.Option{seqd.WithRoot("a.b")}, "root may hold"},
		{"timeout", "orders", "invoice", 1, []seqd.Option{seqd.WithTimeout(0)}, "timeout must be"},
		{"attempt timeout", "orders", "invoice", 1, []seqd.Option{seqd.WithAttemptTimeout(-1)}, "attempt timeout must be"},
		{"patience", "orders", "invoice", 1, []seqd.Option{seqd.WithNoRespondersPatience(-1)}, "patience"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := c.NextN(t.Context(), tt.store, tt.key, tt.n, tt.opts...)
			if !errors.Is(err, seqd.ErrBadRequest) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("got %v, want %v with %q", err, seqd.ErrBadRequest, tt.text)
			}
			if len(err.Error()) > 400 {
				t.Errorf("the text is %d bytes long", len(err.Error()))
			}
			if tt.opts != nil {
				if _, err := seqd.New(connect(t, s), tt.opts...); !errors.Is(err, seqd.ErrBadRequest) {
					t.Errorf("New: got %v, want %v", err, seqd.ErrBadRequest)
				}
			}
		})
	}
	if got := count.Load(); got != 0 {
		t.Errorf("%d requests were sent", got)
	}
	if _, err := seqd.New(nil); !errors.Is(err, nats.ErrInvalidConnection) {
		t.Errorf("New(nil): got %v, want %v", err, nats.ErrInvalidConnection)
	}
}
