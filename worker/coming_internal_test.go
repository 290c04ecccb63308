package worker

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/seqd-io/seqd/allocator"
)

// A worker that was started along with its etcd, and a second before it, began
// with an ERROR.
func TestEtcdThatIsNotUpYetIsNoErrorAtFirst(t *testing.T) {
	var (
		away    = fmt.Errorf("%w: no leader", allocator.ErrUnavailable)
		silent  = fmt.Errorf("%w: %w", allocator.ErrUnavailable, context.DeadlineExceeded)
		refused = fmt.Errorf("%w: permission denied", allocator.ErrUnavailable)
	)
	advice := map[error]string{silent: "try this", refused: "try this"}
	type said struct {
		at    time.Duration
		err   error
		level slog.Level
		again bool
	}
	for _, test := range []struct {
		name string
		came bool
		said []said
	}{
		{"comes late", false, []said{
			{0, silent, slog.LevelInfo, false}, {9 * time.Second, away, slog.LevelInfo, false},
			{11 * time.Second, away, slog.LevelError, true}, {12 * time.Second, away, slog.LevelError, false}}},
		{"refuses", false, []said{{0, refused, slog.LevelError, false}}},
		{"comes, and refuses", false, []said{{0, silent, slog.LevelInfo, false}, {time.Second, refused, slog.LevelError, true}, {2 * time.Second, refused, slog.LevelError, false}}},
		{"went backwards", false, []said{{0, allocator.ErrFenced, slog.LevelError, false}}},
		{"not understood", false, []said{{0, allocator.ErrUnreadable, slog.LevelError, false}}},
		{"was there", true, []said{{time.Second, away, slog.LevelError, false}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := coming{came: test.came}
			for _, s := range test.said {
				if level, again := c.level(s.err, advice[s.err], s.at); level != s.level || again != s.again {
					t.Errorf("after %v: %v, again: %v; want %v, %v", s.at, level, again, s.level, s.again)
				}
			}
		})
	}
}
