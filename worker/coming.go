package worker

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/seqd-io/seqd/allocator"
)

// comingFor is how long etcd may take to come up, when it is started along with
// the worker, before that is an error.
const comingFor = 10 * time.Second

// coming tells an etcd that is about to come up from one that is in trouble. The
// zero value is for a worker that has just been started.
type coming struct {
	came  bool // the counters could be written to once
	quiet bool // that they can't is said as no error so far
}

// level returns how to log that the counters can't be written to, because of err,
// about which there is that advice; again says that it has to be said once more,
// because it has become an error.
func (c *coming) level(err error, advice string, up time.Duration) (level slog.Level, again bool) {
	if !c.came && up < comingFor && mayCome(err, advice) {
		c.quiet = true
		return slog.LevelInfo, false
	}
	again, c.quiet = c.quiet, false
	return slog.LevelError, again
}

// mayCome reports whether err is what is seen of an etcd that is not up yet, and
// not a refusal, which does not pass by itself: of that there is advice.
func mayCome(err error, advice string) bool {
	return errors.Is(err, allocator.ErrUnavailable) && (errors.Is(err, context.DeadlineExceeded) || advice == "")
}
