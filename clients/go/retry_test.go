package seqd_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"

	seqd "github.com/seqd-io/seqd/clients/go"
	"github.com/seqd-io/seqd/subjects"
)

var (
	silent = func(ctx context.Context) (seqd.Range, error) {
		<-ctx.Done()
		return seqd.Range{}, ctx.Err()
	}
	always = func(err error) func(context.Context) (seqd.Range, error) {
		return func(context.Context) (seqd.Range, error) { return seqd.Range{}, err }
	}
)

func TestPause(t *testing.T) {
	busy := func(d time.Duration) error { return &subjects.Error{Code: subjects.Busy, RetryAfter: d} }
	ms := time.Millisecond
	for _, tt := range []struct {
		attempts  int
		err       error
		least     time.Duration // r = 0
		most      time.Duration // r → 1
		situation string
	}{
		{1, seqd.ErrNoWorkers, 10 * ms, 15 * ms, "first"},
		{2, seqd.ErrNoWorkers, 20 * ms, 30 * ms, "doubles"},
		{3, seqd.ErrUnavailable, 40 * ms, 60 * ms, "doubles"},
		{5, seqd.ErrTimeout, 160 * ms, 240 * ms, "at the top"},
		{6, seqd.ErrTimeout, 160 * ms, 240 * ms, "stays at the top"},
		{1 << 30, seqd.ErrTimeout, 160 * ms, 240 * ms, "no overflow"},
		{1, busy(0), 10 * ms, 15 * ms, "busy without a wish"},
		{1, busy(50 * ms), 50 * ms, 75 * ms, "busy"},
		{4, busy(50 * ms), 80 * ms, 120 * ms, "busy again and again"},
		{1, busy(24 * time.Hour), 24 * time.Hour, 36 * time.Hour, "busy for long"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			if got := seqd.WaitAfter(tt.attempts, tt.err, 0); got != tt.least {
				t.Errorf("at least: got %v, want %v", got, tt.least)
			}
			if got := seqd.WaitAfter(tt.attempts, tt.err, 1); got != tt.most {
				t.Errorf("at most: got %v, want %v", got, tt.most)
			}
		})
	}
}

// How long a call takes, and what it then says, to the nanosecond.
func TestRetryEnds(t *testing.T) {
	ms := time.Millisecond
	busy := &subjects.Error{Code: subjects.Busy, RetryAfter: 3 * time.Second}
	for _, tt := range []struct {
		name        string
		ctx         time.Duration // its timeout; 0: none
		opts        []seqd.Option
		ask         func(context.Context) (seqd.Range, error)
		least, most time.Duration
		is, isNot   error
	}{
		{name: "no answer", ask: silent, least: 2 * time.Second, most: 2 * time.Second,
			is: context.DeadlineExceeded},
		{name: "longer context", ctx: time.Hour, ask: silent, least: 2 * time.Second, most: 2 * time.Second,
			is: context.DeadlineExceeded},
		{name: "shorter context", ctx: 700 * ms, ask: silent, least: 700 * ms, most: 700 * ms,
			is: context.DeadlineExceeded},
		{name: "longer timeout", opts: []seqd.Option{seqd.WithTimeout(5*time.Second + 100*ms), seqd.WithAttemptTimeout(time.Second)},
			ask: silent, least: 5*time.Second + 100*ms, most: 5*time.Second + 100*ms, is: context.DeadlineExceeded},
		{name: "no workers", ask: always(seqd.ErrNoWorkers), least: 1760 * ms, most: 2 * time.Second,
			is: seqd.ErrNoWorkers},
		{name: "no workers, short patience", opts: []seqd.Option{seqd.WithNoRespondersPatience(500 * ms)},
			ask: always(seqd.ErrNoWorkers), least: 260 * ms, most: 500 * ms, is: seqd.ErrNoWorkers, isNot: context.DeadlineExceeded},
		{name: "no workers, no patience", opts: []seqd.Option{seqd.WithNoRespondersPatience(0)},
			ask: always(seqd.ErrNoWorkers), is: seqd.ErrNoWorkers, isNot: context.DeadlineExceeded},
		{name: "patience is for no workers only", opts: []seqd.Option{seqd.WithNoRespondersPatience(0)},
			ask: always(seqd.ErrUnavailable), least: 1760 * ms, most: 2 * time.Second, is: context.DeadlineExceeded},
		{name: "busy past the deadline", ask: always(busy), is: seqd.ErrBusy},
		{name: "final", ask: always(seqd.ErrExhausted), is: seqd.ErrExhausted, isNot: context.DeadlineExceeded},
		{name: "connection closed", ask: always(nats.ErrConnectionClosed), is: nats.ErrConnectionClosed, isNot: context.DeadlineExceeded},
		{name: "connection draining", ask: always(nats.ErrConnectionDraining), is: nats.ErrConnectionDraining, isNot: context.DeadlineExceeded},
		{name: "no headers", ask: always(nats.ErrHeadersNotSupported), is: nats.ErrHeadersNotSupported, isNot: context.DeadlineExceeded},
		{name: "connection lost", ask: always(nats.ErrDisconnected), least: 1760 * ms, most: 2 * time.Second, is: nats.ErrDisconnected},
		{name: "connection down", ask: always(nats.ErrReconnectBufExceeded), least: 1760 * ms, most: 2 * time.Second, is: nats.ErrReconnectBufExceeded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if tt.ctx > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tt.ctx)
					defer cancel()
				}
				start := time.Now()
				_, err := seqd.Retry(ctx, tt.ask, tt.opts...)
				if took := time.Since(start); took < tt.least || took > tt.most {
					t.Errorf("took %v, want %v to %v", took, tt.least, tt.most)
				}
				if !errors.Is(err, tt.is) || tt.isNot != nil && errors.Is(err, tt.isNot) {
					t.Errorf("got %v, want %v and not %v", err, tt.is, tt.isNot)
				}
			})
		})
	}
}

// Every pause of a call lies in its range, and chance has a hand in it.
func TestRetryPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var failed time.Time
		attempts, varied := 0, false
		ids, err := seqd.Retry(t.Context(), func(ctx context.Context) (seqd.Range, error) {
			if attempts > 0 {
				got, least := time.Since(failed), seqd.WaitAfter(attempts, seqd.ErrUnavailable, 0)
				varied = varied || got != least
				if got < least || got > least*3/2 {
					t.Errorf("pause %d: got %v, want %v to %v", attempts, got, least, least*3/2)
				}
			}
			if attempts++; attempts > 8 {
				return seqd.Range{First: 1, N: 1}, nil
			}
			failed = time.Now()
			return seqd.Range{}, seqd.ErrUnavailable
		})
		if !varied {
			t.Error("all callers would pause for equally long")
		}
		if want := (seqd.Range{First: 1, N: 1}); err != nil || ids != want {
			t.Errorf("got %v, %v, want %v", ids, err, want)
		}
	})
}

// The error is the last attempt's, not an earlier one's.
func TestRetryReportsTheLastError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attempts := 0
		_, err := seqd.Retry(t.Context(), func(context.Context) (seqd.Range, error) {
			if attempts++; attempts == 1 {
				return seqd.Range{}, seqd.ErrUnavailable
			}
			return seqd.Range{}, seqd.ErrExhausted
		})
		if !errors.Is(err, seqd.ErrExhausted) || errors.Is(err, seqd.ErrUnavailable) {
			t.Errorf("got %v, want %v", err, seqd.ErrExhausted)
		}
	})
}

// The deadline falls into an attempt: the error still tells of the one before.
func TestRetryKeepsTheReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attempts := 0
		_, err := seqd.Retry(t.Context(), func(ctx context.Context) (seqd.Range, error) {
			if attempts++; attempts == 1 {
				return seqd.Range{}, seqd.ErrNoWorkers
			}
			return silent(ctx)
		}, seqd.WithTimeout(300*time.Millisecond))
		if !errors.Is(err, seqd.ErrNoWorkers) || !errors.Is(err, context.DeadlineExceeded) || attempts != 2 {
			t.Errorf("got %v after %d attempts, want %v after 2", err, attempts, seqd.ErrNoWorkers)
		}
	})
}

// The patience with "no responders" counts anew after an attempt that ended
// otherwise.
func TestPatienceStartsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		_, err := seqd.Retry(t.Context(), func(ctx context.Context) (seqd.Range, error) {
			if took := time.Since(start); took < 300*time.Millisecond || took > 800*time.Millisecond {
				return seqd.Range{}, seqd.ErrNoWorkers
			}
			return seqd.Range{}, seqd.ErrUnavailable
		}, seqd.WithTimeout(time.Minute), seqd.WithNoRespondersPatience(600*time.Millisecond))
		if took := time.Since(start); !errors.Is(err, seqd.ErrNoWorkers) || took < 1100*time.Millisecond {
			t.Errorf("got %v after %v, want %v after more than 1.1 s", err, took, seqd.ErrNoWorkers)
		}
	})
}

// A cancelled call returns at once, also out of a pause.
func TestRetryCancel(t *testing.T) {
	for _, tt := range []struct {
		name  string
		after time.Duration
		ask   func(context.Context) (seqd.Range, error)
	}{
		{"in an attempt", 200 * time.Millisecond, silent},
		{"in the last attempt", 1999 * time.Millisecond, silent},
		{"in a pause", 200 * time.Millisecond, always(&subjects.Error{Code: subjects.Busy, RetryAfter: time.Second})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				why := errors.New("the user left")
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(tt.after, func() { cancel(why) })
				start := time.Now()
				_, err := seqd.Retry(ctx, tt.ask)
				if took := time.Since(start); took != tt.after {
					t.Errorf("took %v, want %v", took, tt.after)
				}
				if !errors.Is(err, context.Canceled) || !errors.Is(err, why) || errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v, want %v and %v", err, context.Canceled, why)
				}
			})
		})
	}
}

// An answer that is there counts, even if the time ran out meanwhile: its ids
// are spent already.
func TestRetryKeepsLateSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		want := seqd.Range{First: 1, N: 1}
		got, err := seqd.Retry(t.Context(), func(ctx context.Context) (seqd.Range, error) {
			<-ctx.Done()
			return want, nil
		}, seqd.WithTimeout(time.Second), seqd.WithAttemptTimeout(time.Second))
		if err != nil || got != want {
			t.Errorf("got %v, %v, want %v", got, err, want)
		}
	})
}
