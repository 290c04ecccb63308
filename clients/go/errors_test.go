package seqd_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"

	seqd "github.com/seqd-io/seqd/clients/go"
	"github.com/seqd-io/seqd/subjects"
)

// codeVector is what subjects/testdata says of a code.
type codeVector struct {
	Code          string
	Text          string
	IDsMayBeSpent bool `json:"ids_may_be_spent"`
}

func codeVectors(t *testing.T) (all []codeVector) {
	t.Helper()
	b, err := os.ReadFile("../../subjects/testdata/errors.json")
	if err != nil {
		t.Fatal(err)
	}
	var groups struct{ Codes, Client []codeVector }
	if err := json.Unmarshal(b, &groups); err != nil {
		t.Fatal(err)
	}
	return append(groups.Codes, groups.Client...)
}

// fails returns the error of a call whose requests all come to err.
func fails(t *testing.T, err error) *seqd.Error {
	t.Helper()
	src := &source{refuse: func(int, int) error { return err }}
	_, got := src.sequence(t).Next(t.Context())
	return asError(t, got)
}

func asError(t *testing.T, err error) *seqd.Error {
	t.Helper()
	e, ok := errors.AsType[*seqd.Error](err)
	if !ok {
		t.Fatalf("%v is no seqd.Error", err)
	}
	return e
}

// sentinels are all errors with a name, by code.
var sentinels = map[string]error{
	"BAD_REQUEST": seqd.ErrBadRequest, "FENCED": seqd.ErrFenced, "BUSY": seqd.ErrBusy, "INTERNAL": seqd.ErrInternal,
	"UNAVAILABLE": seqd.ErrUnavailable, "EXPIRED": seqd.ErrExpired, "EXHAUSTED": seqd.ErrExhausted,
	"NO_WORKERS": seqd.ErrNoWorkers, "TIMEOUT": seqd.ErrTimeout, "NOT_CONNECTED": seqd.ErrNotConnected, "CLOSED": seqd.ErrClosed,
}

// Every code has one error, and says the same of ids as in every language.
func TestCodes(t *testing.T) {
	vectors := codeVectors(t)
	if len(vectors) != len(sentinels) {
		t.Errorf("%d codes, %d errors", len(vectors), len(sentinels))
	}
	for _, v := range vectors {
		synctest.Test(t, func(t *testing.T) {
			e := fails(t, sentinels[v.Code])
			if e.Code() != v.Code || e.IDsMayBeSpent() != v.IDsMayBeSpent {
				t.Errorf("%v: got %s, ids may be spent %t, want %+v", e, e.Code(), e.IDsMayBeSpent(), v)
			}
			for code, sentinel := range sentinels {
				if got := errors.Is(e, sentinel); got != (code == v.Code) {
					t.Errorf("%s is %s: %t", v.Code, code, got)
				}
			}
		})
	}
}

// What nats.go calls it is known, too.
func TestCodesOfTheConnection(t *testing.T) {
	for _, tt := range []struct {
		err   error
		code  string
		spent bool
	}{
		{nats.ErrNoResponders, "NO_WORKERS", false},
		{context.DeadlineExceeded, "TIMEOUT", true},
		{nats.ErrDisconnected, "TIMEOUT", true}, // the request was under way
		{errors.New("of a later nats.go"), "TIMEOUT", true},
		{nats.ErrReconnectBufExceeded, "NOT_CONNECTED", false},
		{nats.ErrHeadersNotSupported, "NOT_CONNECTED", false},
		{nats.ErrConnectionClosed, "CLOSED", true},
		{nats.ErrConnectionDraining, "CLOSED", false},
	} {
		synctest.Test(t, func(t *testing.T) {
			e := fails(t, tt.err)
			if e.Code() != tt.code || e.IDsMayBeSpent() != tt.spent || !errors.Is(e, tt.err) || !errors.Is(e, sentinels[tt.code]) {
				t.Errorf("%v: got %v: %s, ids may be spent %t, want %s, %t", tt.err, e, e.Code(), e.IDsMayBeSpent(), tt.code, tt.spent)
			}
		})
	}
}

// An earlier request may have spent ids, whatever the last one came to.
func TestIDsMayBeSpentByAnEarlierRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{refuse: func(num, _ int) error {
			if num == 1 {
				return seqd.ErrUnavailable
			}
			return seqd.ErrExhausted
		}}
		_, err := src.sequence(t).Next(t.Context())
		if e := asError(t, err); e.Code() != "EXHAUSTED" || !e.IDsMayBeSpent() {
			t.Errorf("got %s, ids may be spent %t: %v", e.Code(), e.IDsMayBeSpent(), e)
		}
	})
}

// NOT_CONNECTED says that the connection was down all the time, in every language.
func TestConnectionLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{refuse: func(num, _ int) error {
			if num == 1 {
				return seqd.ErrTimeout
			}
			return seqd.ErrNotConnected
		}}
		_, err := src.sequence(t).Next(t.Context())
		e := asError(t, err)
		if e.Code() != "TIMEOUT" || !e.IDsMayBeSpent() || !errors.Is(err, seqd.ErrTimeout) || !errors.Is(err, seqd.ErrNotConnected) {
			t.Errorf("got %s, ids may be spent %t: %v", e.Code(), e.IDsMayBeSpent(), e)
		}
		if want := "the connection to NATS was lost: not connected to NATS: gave up"; !strings.Contains(e.Error(), want) ||
			!strings.Contains(e.Error(), "check that the NATS server runs") {
			t.Errorf("got %v, want %q and what to try", e, want)
		}
	})
}

// Calls that wait when a sequence is closed learn whether their request was sent.
func TestIDsMayBeSpentWhenClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{way: time.Second}
		seq := src.sequence(t)
		sent := call(t.Context(), seq, 1)
		synctest.Wait()
		waits := call(t.Context(), seq, 1)
		synctest.Wait()
		seq.Close()
		late := call(t.Context(), seq, 1)
		for i, c := range []<-chan outcome{sent, waits, late} {
			if e := asError(t, (<-c).err); e.Code() != "CLOSED" || e.IDsMayBeSpent() != (i == 0) {
				t.Errorf("call %d: %s, ids may be spent %t: %v", i+1, e.Code(), e.IDsMayBeSpent(), e)
			}
		}
	})
}

// A call that sends nothing spends nothing.
func TestNothingSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := new(source).sequence(t).Next(ended)
		if e := asError(t, err); e.Code() != "TIMEOUT" || e.IDsMayBeSpent() || !errors.Is(err, context.Canceled) || !errors.Is(err, seqd.ErrTimeout) {
			t.Errorf("got %s, ids may be spent %t: %v", e.Code(), e.IDsMayBeSpent(), e)
		}
		_, err = new(source).sequence(t).NextN(t.Context(), 0)
		if e := asError(t, err); e.Code() != string(subjects.BadRequest) || e.IDsMayBeSpent() {
			t.Errorf("got %s, ids may be spent %t: %v", e.Code(), e.IDsMayBeSpent(), e)
		}
	})
}
