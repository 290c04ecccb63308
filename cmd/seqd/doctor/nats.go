package doctor

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/cmd/seqd/advice"
	"github.com/seqd-io/seqd/cmd/seqd/settings"
	"github.com/seqd-io/seqd/worker"
)

// lookAtNATS connects, and looks at the server and at what this user may do.
func (e *examination) lookAtNATS(ctx context.Context) {
	nc, err := e.Connect(nats.Name("seqd doctor"), nats.Timeout(stepTimeout), nats.NoReconnect(),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})) // refusals are read from LastError
	if err != nil {
		try := cmp.Or(advice.NATS(err), "start nats-server, or name it with --nats-url; from here, is its port reachable?")
		if explained, ok := errors.AsType[*settings.ConnectError](err); ok {
			err = explained.Err // where and what to try are told beside it
		}
		e.fail("nats.connect", "", fmt.Sprintf("%s: %v", e.NATS, err), try)
		e.skip("nats.permissions", "", "not looked at: NATS can't be reached", "")
		e.skip("workers", "", "not looked for: NATS can't be reached", "")
		return
	}
	e.nc = nc
	rtt, err := nc.RTT()
	if err != nil {
		e.fail("nats.connect", "", fmt.Sprintf("%s: %v", nc.ConnectedUrlRedacted(), err), "look at the server's log and load")
		return
	}
	server := nc.ConnectedUrlRedacted()
	if name := nc.ConnectedServerName(); name != nc.ConnectedServerId() { // which it is where none was given
		server += ", server " + name
	}
	e.ok("nats.connect", "", fmt.Sprintf("%s, round trip %s", server, short(rtt)))
	if version := nc.ConnectedServerVersion(); older(version, leastNATS) {
		e.fail("nats.version", "", fmt.Sprintf("nats-server %s is older than %s", version, leastNATS), "upgrade nats-server: seqd is not tested with older versions")
	} else {
		e.ok("nats.version", "", "nats-server "+version)
	}
	e.lookAtPings(ctx)
	e.lookAtAccounts(ctx)
	e.lookAtLimits(ctx) // first, as nats.go does not tell this refusal from the one before
	e.lookAtPermissions(ctx)
	e.lookAtPeers(ctx)
	e.lookAtStreams(ctx)
}

// longPing is the interval of pings from which on a worker that was cut off
// keeps its share of the requests for noticeably long.
const longPing = 10 * time.Second

// lookAtPings holds our ping settings and the server's against what they are
// for. A server tells its own to monitoring only.
func (e *examination) lookAtPings(ctx context.Context) {
	ours := fmt.Sprintf("workers ping every %v and give up after %d pings without an answer", worker.PingInterval, worker.MaxPingsOut)
	if e.Monitor == "" {
		e.skip("nats.pings", "", ours+"; the server tells its own settings to no client",
			"to have them looked at, name the server's monitoring port: --nats-monitor http://127.0.0.1:8222")
		return
	}
	var varz struct {
		PingInterval time.Duration `json:"ping_interval"`
		PingMax      int           `json:"ping_max"`
	}
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	err := getJSON(ctx, strings.TrimSuffix(e.Monitor, "/")+"/varz", &varz)
	switch {
	case err != nil:
		e.warn("nats.pings", "", fmt.Sprintf("%s; the server's settings: %v", ours, err), "look at --nats-monitor; the server must be started with -m PORT, or http_port in its configuration")
	case varz.PingInterval > longPing:
		cut := varz.PingInterval * time.Duration(varz.PingMax+1)
		e.warn("nats.pings", "", fmt.Sprintf("the server pings every %v and gives up after %d: a worker that is cut off or frozen keeps its share of the requests for up to %v", varz.PingInterval, varz.PingMax, cut),
			`set ping_interval: "3s" and ping_max: 2 in the server's configuration`)
	default:
		e.ok("nats.pings", "", fmt.Sprintf("%s; the server pings every %v and gives up after %d", ours, varz.PingInterval, varz.PingMax))
	}
}

func getJSON(ctx context.Context, url string, v any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, response.Status)
	}
	return json.NewDecoder(response.Body).Decode(v)
}

// short writes a duration with three digits at most.
func short(d time.Duration) string {
	switch {
	case d >= 100*time.Millisecond:
		return d.Round(time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	}
	return d.Round(time.Microsecond).String()
}
