package bench

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/subjects"
)

func TestCodes(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{
		{fmt.Errorf("ask: %w", subjects.ErrUnavailable), "UNAVAILABLE"},
		{nats.ErrNoResponders, codeNoResponders},
		{nats.ErrTimeout, codeTimeout},
		{context.DeadlineExceeded, codeTimeout},
		{nats.ErrConnectionClosed, codeDisconnected},
		{fmt.Errorf("%w: hello", errAlien), codeAlien},
		{errors.New("odd"), codeOther},
	} {
		if got := codeOf(test.err); got != test.want {
			t.Errorf("%v: got %s, want %s", test.err, got, test.want)
		}
	}
	if got := waitAfter(&subjects.Error{Code: subjects.Busy, RetryAfter: time.Second}); got != time.Second {
		t.Errorf("got %v", got)
	}
}

func TestCounterValue(t *testing.T) {
	for ack, want := range map[string]int64{
		`{"stream":"BENCH","seq":7,"val":"107"}`: 107,
		`{"stream":"BENCH","seq":7}`:             0,
		`{"val":"1`:                              0,
		`{"val":"x"}`:                            0,
		`{"error":{"code":503},"val":""}`:        0,
	} {
		if got, ok := counterValue([]byte(ack)); got != want || ok != (want > 0) {
			t.Errorf("%s: got %d, %v", ack, got, ok)
		}
	}
}
