package dial_test

import (
	"context"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/etcd/server/v3/embed"

	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/allocator/etcd/dial"
	"github.com/seqd-io/seqd/allocator/etcd/etcdtest"
	"github.com/seqd-io/seqd/integration/servers"
)

// With HTTPS_PROXY set, one endpoint by its host name was dialed through the
// proxy and never reached; with several, the members were probed through it and
// transactions were not. Now nothing is.
//
// The environment is read once in a process, so the client gets one of its own.
// net/http's rules never ask a proxy for localhost: the name must be another one
// that is this machine's, which not every machine has.
func TestNoConnectionThroughAProxy(t *testing.T) {
	if endpoints := os.Getenv("SEQD_TEST_ENDPOINTS"); endpoints != "" {
		askMembers(t, strings.Split(endpoints, ","))
		return
	}
	host, err := os.Hostname()
	if err != nil {
		t.Skip(err)
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Skipf("this machine is not known by its name: %v", err)
	}
	l.Close()
	proxy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	var asked atomic.Int64
	go func() {
		for {
			c, err := proxy.Accept()
			if err != nil {
				return
			}
			asked.Add(1)
			c.Close()
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	endpoint := net.JoinHostPort(host, port)
	servers.StartEtcdWith(t, func(c *embed.Config) {
		c.UnsafeNoFsync = true
		at := []url.URL{{Scheme: "http", Host: l.Addr().String()}}
		c.ListenClientUrls, c.AdvertiseClientUrls = at, at
	})
	for name, endpoints := range map[string]string{
		"one endpoint":      endpoint,
		"several endpoints": endpoint + "," + net.JoinHostPort(host, "1"),
		"with a scheme":     "http://" + endpoint,
	} {
		t.Run(name, func(t *testing.T) {
			asked.Store(0)
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestNoConnectionThroughAProxy$", "-test.v")
			proxyURL := "http://" + proxy.Addr().String()
			cmd.Env = append(os.Environ(), "SEQD_TEST_ENDPOINTS="+endpoints,
				"HTTPS_PROXY="+proxyURL, "https_proxy="+proxyURL, "NO_PROXY=", "no_proxy=")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
			if n := asked.Load(); n > 0 {
				t.Errorf("the proxy was asked %d times", n)
			}
		})
	}
}

// askMembers takes an id, and waits until members that don't answer are left:
// then all have been probed.
func askMembers(t *testing.T, endpoints []string) {
	client, err := dial.Open(t.Context(), dial.Config{Endpoints: endpoints, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	c := etcd.NewCounter(client, etcd.Config{})
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := c.Advance(ctx, key, 1); err != nil {
		t.Fatal(err)
	}
	etcdtest.Eventually(t, func() bool { return len(client.Endpoints()) == 1 }, "the members are not probed")
}
