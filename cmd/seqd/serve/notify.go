package serve

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/seqd-io/seqd/worker"
)

// notifier tells systemd how the worker is, as a service of Type=notify:
//
//   - READY=1 when all that can fail at the start has not. The worker waits for
//     NATS and etcd by itself, so that other services need not wait with it.
//   - WATCHDOG=1 in half the unit's WatchdogSec, for as long as no loop of the
//     worker's stands still. Else systemd kills it, with SIGABRT, so that all its
//     goroutines are in the journal, and starts it anew.
//   - STATUS= with the worker's state, when it changes.
//   - STOPPING=1 when it begins to drain.
type notifier struct {
	worker   *worker.Worker
	watchdog time.Duration // 0: none
	patience time.Duration // how long a loop may stand still
	log      *slog.Logger

	silent bool // systemd did not hear us once; we have said so
}

const (
	statusInterval = time.Second

	// minStall is above the longest that a loop waits for NATS, for /livez too. A unit's
	// WatchdogSec may be shorter: then only a process that stands still as a whole
	// is found out in that time.
	minStall = 75 * time.Second
)

// newNotifier returns what tells systemd, nil if systemd has not started us. The
// error says that what systemd set in the environment makes no sense.
func newNotifier(w *worker.Worker, log *slog.Logger) (*notifier, error) {
	if os.Getenv("NOTIFY_SOCKET") == "" {
		return nil, nil
	}
	watchdog, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		return nil, fmt.Errorf("WATCHDOG_USEC=%q, WATCHDOG_PID=%q: %w; unset them, or start seqd by systemd", os.Getenv("WATCHDOG_USEC"), os.Getenv("WATCHDOG_PID"), err)
	}
	return &notifier{worker: w, watchdog: watchdog, patience: max(watchdog/2, minStall), log: log.With("component", "notifier")}, nil
}

// run tells how the worker is until stopping ends, when it begins to drain, and
// returns when ctx ends.
func (n *notifier) run(ctx, stopping context.Context) error {
	n.tell(daemon.SdNotifyReady)
	var alive <-chan time.Time
	if n.watchdog > 0 {
		t := time.NewTicker(n.watchdog / 2)
		defer t.Stop()
		alive = t.C
	}
	status := time.NewTicker(statusInterval)
	defer status.Stop()
	var told worker.State
	stalled := false
loop:
	for {
		if state := n.worker.State(); state != told {
			n.tell("STATUS=" + string(state))
			told = state
		}
		select {
		case <-alive:
			err := n.worker.Stalled(n.patience)
			if err == nil {
				n.tell(daemon.SdNotifyWatchdog)
			} else if !stalled {
				n.log.Error("a loop stands still; systemd will restart this worker", "err", err)
			}
			stalled = err != nil
		case <-status.C:
		case <-stopping.Done():
			break loop
		case <-ctx.Done():
			break loop
		}
	}
	n.tell(daemon.SdNotifyStopping + "\nSTATUS=" + string(worker.Draining))
	<-ctx.Done()
	return nil
}

// tell sends one message to systemd.
func (n *notifier) tell(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil && !n.silent {
		n.silent = true
		n.log.Warn("systemd does not hear this worker", "err", err, "hint", "is NOTIFY_SOCKET in the environment by mistake?")
	}
}
