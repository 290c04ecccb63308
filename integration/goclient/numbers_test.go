package goclient_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	seqd "github.com/seqd-io/seqd/clients/go"
	"github.com/seqd-io/seqd/subjects"
)

// numbered answers with the ids from first and, between n and nonce, with what a
// numbered key adds: msgpack elements one after the other, names among them.
func (r *request) numbered(first int64, header nats.Header, fields int, elements string) {
	const plain = 20 // bytes
	body := (&subjects.Reply{ID: first, N: r.N, Nonce: r.Nonce}).Append(nil, subjects.Msgpack)
	body[0] += byte(fields)
	r.raw(header, slices.Insert(body, plain, []byte(elements)...))
}

var replayed = nats.Header{"Seq-Replayed": {"true"}}

func TestNumbers(t *testing.T) {
	for _, tt := range []struct {
		name     string
		n        int
		first    int64
		header   nats.Header
		fields   int
		elements string
		want     seqd.Numbers
		text     string
	}{
		{"one", 1, 7, replayed, 2, "\xa6period\xa72026-27\xa6number\xae\xe2\x84\x96-2026-27/07",
			seqd.Numbers{Range: seqd.Range{First: 7, N: 1}, Period: "2026-27", Numbers: []string{"№-2026-27/07"}, Replayed: true}, "№-2026-27/07"},
		{"a range", 2, math.MaxInt64 - 1, nil, 2, "\xa6period\xa42026\xa7numbers\x92\xa3R-6\xa3R-7",
			seqd.Numbers{Range: seqd.Range{First: math.MaxInt64 - 1, N: 2}, Period: "2026", Numbers: []string{"R-6", "R-7"}}, "R-6 R-7"},
		{"no periods", 1, 5, nil, 1, "\xa6number\xa3R-5",
			seqd.Numbers{Range: seqd.Range{First: 5, N: 1}, Numbers: []string{"R-5"}}, "R-5"},
		{"no numbers", 3, 5, nil, 0, "", seqd.Numbers{Range: seqd.Range{First: 5, N: 3}}, "5–7"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := startServer(t, nil)
			serve(t, s, func(r *request) { r.numbered(tt.first, tt.header, tt.fields, tt.elements) })
			for _, opts := range [][]seqd.Option{patient, append([]seqd.Option{seqd.WithOwnInbox()}, patient...)} {
				c := newClient(t, connect(t, s), opts...)
				got, err := c.Numbers(t.Context(), "orders", "invoice", tt.n)
				if err != nil || got.Range != tt.want.Range || got.Period != tt.want.Period ||
					!slices.Equal(got.Numbers, tt.want.Numbers) || got.Replayed != tt.want.Replayed {
					t.Errorf("got %#v, %v, want %#v", got, err, tt.want)
				}
				if got.String() != tt.text {
					t.Errorf("reads %q, want %q", got, tt.text)
				}
				ids, err := c.NextN(t.Context(), "orders", "invoice", tt.n)
				if err != nil || ids != tt.want.Range {
					t.Errorf("NextN: got %v, %v, want %v", ids, err, tt.want.Range)
				}
			}
		})
	}
}

// Who gets two numbers for three ids would write one of them twice, or none.
func TestTooFewNumbersAreNone(t *testing.T) {
	for said, elements := range map[string]string{
		"3 ids with 1 numbers": "\xa6number\xa1a",
		"3 ids with 2 numbers": "\xa7numbers\x92\xa1a\xa1b",
		"3 ids with 4 numbers": "\xa7numbers\x94\xa1a\xa1b\xa1c\xa1d",
	} {
		s := startServer(t, nil)
		count := serve(t, s, func(r *request) { r.numbered(1, nil, 1, elements) })
		got, err := newClient(t, connect(t, s), patient...).Numbers(t.Context(), "orders", "invoice", 3)
		if !errors.Is(err, seqd.ErrInternal) || !strings.Contains(err.Error(), said) || got.N != 0 || count.Load() != 1 {
			t.Errorf("%s: got %v, %v after %d requests", said, got, err, count.Load())
		}
	}
}

// An attempt without an answer may have got ids: the one that follows asks for these.
func TestAllAttemptsHaveTheIdempotencyKey(t *testing.T) {
	s := startServer(t, nil)
	got := make(chan subjects.Request, 10)
	serve(t, s, func(r *request) {
		got <- r.Request
		switch r.num {
		case 1: // no answer
		case 2:
			r.fail(subjects.ErrUnavailable)
		default:
			r.numbered(9, replayed, 0, "")
		}
	})
	c := newClient(t, connect(t, s))
	first := []seqd.Option{seqd.WithIdempotencyKey("order 17 €"), seqd.WithAttemptTimeout(100 * time.Millisecond)}
	ids, err := c.Numbers(t.Context(), "orders", "invoice", 1, first...)
	if err != nil || ids.First != 9 || !ids.Replayed {
		t.Errorf("got %v, replayed %t, %v, want 9, replayed", ids, ids.Replayed, err)
	}
	if _, err := c.Next(t.Context(), "orders", "invoice"); err != nil {
		t.Fatal(err)
	}
	var nonces []subjects.Nonce
	for _, want := range []string{"order 17 €", "order 17 €", "order 17 €", ""} {
		r := <-got
		if r.IdempotencyKey != want || slices.Contains(nonces, r.Nonce) {
			t.Errorf("got %+v, want the key %q and a nonce of its own", r, want)
		}
		nonces = append(nonces, r.Nonce)
	}
}

func TestErrorSaysHowToGetTheIDs(t *testing.T) {
	s := startServer(t, nil)
	serve(t, s, func(*request) {})
	c := newClient(t, connect(t, s), seqd.WithTimeout(100*time.Millisecond))
	for want, opts := range map[string][]seqd.Option{
		"a call with the same idempotency key gets them": {seqd.WithIdempotencyKey("order-17")},
		"which leaves a gap":                             nil,
	} {
		_, err := c.Next(t.Context(), "orders", "invoice", opts...)
		said(t, err, "TIMEOUT", true)
		if !strings.Contains(err.Error(), want) || strings.Count(err.Error(), "may have been spent") != 1 {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestIdempotencyKeysAreCheckedBeforeSending(t *testing.T) {
	s := startServer(t, nil)
	count := serve(t, s, func(r *request) {
		if r.IdempotencyKey == "" || r.IdempotencyKey == "theirs" {
			t.Errorf("a request with the key %q", r.IdempotencyKey)
		}
		r.ids(1)
	})
	nc := connect(t, s)
	c := newClient(t, nc, patient...)
	refused := func(err error, text string) {
		t.Helper()
		if !errors.Is(err, seqd.ErrBadRequest) || !strings.Contains(err.Error(), text) {
			t.Errorf("got %v, want %v with %q", err, seqd.ErrBadRequest, text)
		}
	}
	for _, wrong := range []string{"", strings.Repeat("k", 65), strings.Repeat("€", 22)} {
		_, err := c.Next(t.Context(), "orders", "invoice", seqd.WithIdempotencyKey(wrong))
		refused(err, "idempotency key must have 1 to 64 bytes")
	}
	key := seqd.WithIdempotencyKey("order-17")
	for _, n := range []int{-1, 0, 1001} {
		_, err := c.Numbers(t.Context(), "orders", "invoice", n, key)
		refused(err, "n must be between 1 and 1000")
	}
	_, err := seqd.New(nc, key)
	refused(err, "for one call")
	_, err = c.Sequence("orders", "invoice", key)
	refused(err, "for one call")

	// A header that a library forwards is nobody's wish, or the wrong way to say it.
	forward := seqd.WithHeaders(func(_ context.Context, header nats.Header) { header["idempotency-key"] = []string{"theirs"} })
	_, err = c.Next(t.Context(), "orders", "invoice", forward)
	refused(err, "WithIdempotencyKey is for that")
	if got := count.Load(); got != 0 {
		t.Errorf("%d requests were sent", got)
	}

	for _, right := range []string{"k", strings.Repeat("€", 21) + "k"} {
		if _, err := c.Numbers(t.Context(), "orders", "invoice", 1000, seqd.WithIdempotencyKey(right), forward); err != nil {
			t.Error(err)
		}
	}
}
