package top

import (
	"context"
	"errors"
	"os"
	"slices"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/internal/backoff"
)

// resizeTick is how soon a terminal that has another size is drawn anew.
const resizeTick = 250 * time.Millisecond

// polled is what a poll brought.
type polled struct {
	view View
	err  error
}

// runLive shows views until q or Ctrl-C, or a signal.
func (q *query) runLive(ctx context.Context, nc *nats.Conn, out *os.File) error {
	screen, err := Open(out, os.Stdin)
	if err != nil {
		return err
	}
	defer screen.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	polls := make(chan polled)
	go q.keepPolling(ctx, nc, polls)

	keys := screen.Keys()
	tick := time.NewTicker(resizeTick)
	defer tick.Stop()
	var now polled
	layout := Layout{Sort: q.sort, Color: os.Getenv("NO_COLOR") == ""}
	for {
		width, height := screen.Size()
		if fresh := layout.Width == width && layout.Height == height && layout.Title != ""; !fresh {
			layout.Width, layout.Height = width, height
			layout.Title = q.title(now.view)
			if now.view.At.IsZero() {
				layout.Title = "seqd at " + q.nats.Where() + ": asking the workers"
			}
			layout.Problem = ""
			switch {
			case now.err != nil:
				layout.Problem = now.err.Error()
			case !now.view.At.IsZero() && len(now.view.Workers) == 0:
				layout.Problem = errNoWorkers.Error()
			}
			if err := screen.Draw(now.view.Frame(layout)); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case p := <-polls:
			if errors.Is(p.err, nats.ErrPermissionViolation) {
				return p.err
			}
			if now.err = p.err; p.err == nil {
				now.view = p.view
			}
			layout.Title = ""
		case key, ok := <-keys:
			switch {
			case !ok:
				keys = nil
			case key == 'q', key == 'Q', key == ctrlC:
				return nil
			case key == 's':
				next := slices.Index(Orders(), layout.Sort) + 1
				layout.Sort, layout.Title = Orders()[next%len(Orders())], ""
			}
		case <-tick.C:
		}
	}
}

// ctrlC is what a keyboard sends for it while keys are read one by one.
const ctrlC = 3

// keepPolling polls until ctx ends.
func (q *query) keepPolling(ctx context.Context, nc *nats.Conn, polls chan<- polled) {
	for {
		begin := time.Now()
		view, err := q.poll(ctx, nc)
		select {
		case polls <- polled{view, err}:
		case <-ctx.Done():
			return
		}
		if !backoff.Sleep(ctx, q.interval-time.Since(begin)) {
			return
		}
	}
}
