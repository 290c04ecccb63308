package worker

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
)

// Each reason is told once, from one connection to the next; and there is an end
// to what is remembered.
func TestReasonsAreToldOnce(t *testing.T) {
	var c connecting
	refused, cut := errors.New("refused"), errors.New("cut")
	for i, test := range []struct {
		err  error
		want bool
	}{{refused, true}, {refused, false}, {cut, true}, {refused, false}, {cut, false}} {
		if got := c.isNew(test.err); got != test.want {
			t.Errorf("%d: got %v for %v, want %v", i, got, test.err, test.want)
		}
	}
	c.done()
	if !c.isNew(refused) {
		t.Error("not told again after a connection")
	}
	for i := range 2 * maxReasons {
		c.isNew(fmt.Errorf("error %d", i))
	}
	if len(c.told) > maxReasons {
		t.Errorf("%d reasons are remembered", len(c.told))
	}
}

// Servers are started together: that NATS is not up yet was a warning at every
// start. It is one if it lasts, and who we are is refused with a warning at once.
func TestNotUpYetIsNoWarning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said strings.Builder
		log := slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.LevelKey || a.Key == "err" || a.Key == "hint" {
				return a
			}
			return slog.Attr{}
		}}))
		advise := func(err error) string {
			switch {
			case errors.Is(err, nats.ErrAuthorization):
				return "look at the user"
			case errors.Is(err, ErrNoNATS):
				return "start one"
			}
			return ""
		}
		w := &Worker{config: Config{Advise: advise}, log: log, started: time.Now()}
		for range 3 {
			w.cantConnect(nats.ErrNoServers)
		}
		w.cantConnect(nats.ErrAuthorization)
		time.Sleep(startGrace)
		for range 3 {
			w.cantConnect(nats.ErrNoServers)
		}
		const want = `level=INFO err="nats: no servers available for connection"
level=WARN err="nats: authorization violation" hint="look at the user"
level=WARN err="nats: no servers available for connection" hint="start one"
`
		if got := said.String(); got != want {
			t.Errorf("got\n%swant\n%s", got, want)
		}
	})
}
