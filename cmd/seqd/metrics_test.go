//go:build !lean

package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/seqd-io/seqd/integration/ports"
	"github.com/seqd-io/seqd/integration/servers"
)

// scrape returns what /metrics says, "" if nobody answers.
func scrape(addr string) string {
	resp, err := http.Get("http://" + addr + "/metrics")
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body) // what came before an error is what there is
	return string(body)
}

// waitMetric waits for a line of a scrape.
func waitMetric(t *testing.T, addr, line string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for text := scrape(addr); !strings.Contains(text, line+"\n"); text = scrape(addr) {
		if time.Now().After(deadline) {
			t.Fatalf("no %s in:\n%s", line, text)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// Who watches a worker hears of it from the start, while NATS and etcd are away,
// and when they have gone. Two stores in one etcd under two prefixes are two
// backends.
func TestMetricsWhileServersAreAway(t *testing.T) {
	nats, db := servers.StartNATS(t, nil), servers.StartEtcd(t)
	nats.Stop()
	db.Stop()
	addr := ports.Free(t)
	file, config := filepath.Join(t.TempDir(), "seqd.yaml"), fmt.Sprintf(`
nats: {url: %s}
etcd: {endpoints: [%s]}
stores:
  orders: {}
  users: {etcd: {endpoints: [%[2]s], prefix: /other}}
`, nats.URL, db.Endpoint)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, nil, "worker", "--config", file, "--http-addr", addr)
	waitMetric(t, addr, `seqd_state{state="serving"} 0`)
	waitMetric(t, addr, `seqd_nats_connected 0`)
	nats.Start(t)
	db.Start(t)
	waitMetric(t, addr, `seqd_state{state="serving"} 1`)
	wantIDs(t, nats.URL, "1\n", "orders", "key", "--mode", "strong")
	waitMetric(t, addr, `seqd_requests_total{code="OK",mode="strong",store="orders"} 1`)
	waitMetric(t, addr, fmt.Sprintf(`seqd_etcd_swaps_total{backend="%s",outcome="won"} 1`, db.Endpoint))
	waitMetric(t, addr, fmt.Sprintf(`seqd_etcd_swaps_total{backend="%s#2",outcome="won"} 0`, db.Endpoint))
	nats.Stop()
	db.Stop()
	waitMetric(t, addr, `seqd_nats_connected 0`)
	waitMetric(t, addr, `seqd_state{state="serving"} 0`)
	p.Process.Kill()
}
