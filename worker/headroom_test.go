package worker

import (
	"bytes"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seqd-io/seqd/allocator"
)

func TestHeadroom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said bytes.Buffer
		var count atomic.Int64
		h := &headroom{
			log:    slog.New(slog.NewTextHandler(&said, nil)),
			passed: map[allocator.Key]int{},
		}
		see := func(key string, last int64, lines int, keys int64) {
			t.Helper()
			time.Sleep(2 * headroomSpacing)
			said.Reset()
			for range 3 { // once for each key and level
				h.saw(allocator.Key{Store: "s", Name: key}, last, &count)
			}
			if n := strings.Count(said.String(), "\n"); n != lines {
				t.Errorf("%s at %d: %d lines, want %d: %s", key, last, n, lines, &said)
			}
			if n := count.Load(); n != keys {
				t.Errorf("%s at %d: %d keys, want %d", key, last, n, keys)
			}
		}
		const percent = math.MaxInt64 / 100
		see("a", 1, 0, 0)
		see("a", 90*percent, 0, 0)
		see("a", 90*percent+1, 1, 1)
		see("a", 95*percent, 0, 1)
		see("a", 99*percent+1, 1, 1)
		if !strings.Contains(said.String(), "spent_percent=99") || !strings.Contains(said.String(), "key=a") {
			t.Errorf("got %s", &said)
		}
		see("a", math.MaxInt64, 0, 1)
		see("b", math.MaxInt64, 1, 2)

		// A flood of keys: every one counts, few lines, bounded memory.
		time.Sleep(2 * headroomSpacing)
		said.Reset()
		for i := range 2 * maxPassed {
			h.saw(allocator.Key{Store: "s", Name: fmt.Sprint(i)}, math.MaxInt64, &count)
		}
		if n := strings.Count(said.String(), "\n"); n != 1 {
			t.Errorf("%d lines at once", n)
		}
		if n := count.Load(); n != 2+2*maxPassed {
			t.Errorf("%d keys, want %d", n, 2+2*maxPassed)
		}
		if n := len(h.passed); n > maxPassed {
			t.Errorf("%d keys are remembered", n)
		}
		see("later", math.MaxInt64, 1, 3+2*maxPassed)
		if want := fmt.Sprintf("keys_not_named=%d", 2*maxPassed-1); !strings.Contains(said.String(), want) {
			t.Errorf("got %s, want %s", &said, want)
		}
	})
}
