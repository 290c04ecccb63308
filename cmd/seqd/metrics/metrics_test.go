package metrics_test

import (
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/cmd/seqd/metrics"
	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/integration/servers"
	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
	"github.com/seqd-io/seqd/worker/workertest"
)

const patience = pace.Patience

// start runs a worker on real servers, has it answer a request of each mode, and
// returns where its metrics are read from.
func start(t *testing.T) metrics.Sources {
	t.Helper()
	server, db := servers.StartNATS(t, nil), servers.StartEtcd(t)
	counter := etcd.NewCounter(db.Connect(t), etcd.Config{})
	t.Cleanup(counter.Close)
	w, err := worker.New(worker.Config{
		Connect: func(options ...nats.Option) (*nats.Conn, error) { return nats.Connect(server.URL, options...) },
		Backends: []worker.Backend{{
			Name: "etcd:2379", Counter: counter, Ready: counter.Ready, Stores: []worker.Store{{Name: subjects.AnyStore}, {Name: "orders"}},
		}},
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	workertest.Run(t, w)
	nc := server.Connect(t)
	for _, mode := range []string{"weak", "strong"} {
		for _, subject := range []string{"seq.orders.secretkey", "seq.other.secretkey"} {
			m := nats.NewMsg(subject)
			m.Header.Set(subjects.ModeHeader, mode)
			if _, err := nc.RequestMsg(m, patience); err != nil {
				t.Fatal(err)
			}
		}
	}
	return metrics.Sources{
		Worker:   w.Snapshot,
		Backends: []metrics.Backend{{Name: "etcd:2379", Stats: counter.Stats}},
		Version:  "1.2.3",
	}
}

func scrape(t *testing.T, s metrics.Sources) string {
	t.Helper()
	r := httptest.NewRecorder()
	metrics.Handler(s).ServeHTTP(r, httptest.NewRequest("GET", "/metrics", nil))
	if r.Code != 200 {
		t.Fatalf("HTTP %d: %s", r.Code, r.Body)
	}
	return r.Body.String()
}

// What Prometheus gets is in the form that its own linter asks for, says what
// happened, and names no key.
func TestScrape(t *testing.T) {
	s := start(t)
	var text string
	for _, want := range []string{
		`seqd_state{state="serving"} 1`,
		`seqd_store_state{state="serving",store="orders"} 1`,
		`seqd_requests_total{code="OK",mode="strong",store="orders"} 1`,
		`seqd_requests_total{code="OK",mode="weak",store="*"} 1`,
		`seqd_requests_total{code="BUSY",mode="weak",store="orders"} 0`,
		`seqd_request_duration_seconds_count{mode="strong",path="slow",store="*"} 1`,
		`seqd_request_duration_seconds_bucket{mode="strong",path="slow",store="*",le="10.48576"} 1`,
		`seqd_request_duration_seconds_bucket{mode="weak",path="fast",store="*",le="1e-05"} 0`,
		`seqd_refill_waits_total{cause="cold",store="orders"} 1`,
		`seqd_segment_ids_reserved_total{store="orders"} 10`,
		`seqd_etcd_swaps_total{backend="etcd:2379",outcome="won"} 4`,
		`seqd_etcd_transactions_total{backend="etcd:2379",outcome="ok"} 4`,
		`seqd_weak_keys{backend="etcd:2379"} 2`,
		`seqd_batch_requests_count{store="orders"} 1`,
		`seqd_build_info{`,
		`version="1.2.3"`,
		"go_goroutines ",
		"process_cpu_seconds_total ",
	} {
		deadline := time.Now().Add(patience)
		for text = scrape(t, s); !strings.Contains(text, want); text = scrape(t, s) { // a request is counted after it was answered
			if time.Now().After(deadline) {
				t.Errorf("no %s in:\n%s", want, text)
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	if strings.Contains(text, "secretkey") {
		t.Errorf("a key is named:\n%s", text)
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil {
		t.Error(err)
	}
	for _, p := range problems {
		t.Errorf("promlint: %s: %s", p.Metric, p.Text)
	}
}

// Two scrapes at a time, as two Prometheus servers make them.
func TestScrapesAtOnce(t *testing.T) {
	h := metrics.Handler(start(t))
	done := make(chan int, 4)
	for range cap(done) {
		go func() {
			r := httptest.NewRecorder()
			h.ServeHTTP(r, httptest.NewRequest("GET", "/metrics", nil))
			n, _ := io.Copy(io.Discard, r.Body)
			done <- int(n)
		}()
	}
	for range cap(done) {
		if n := <-done; n == 0 {
			t.Error("nothing came")
		}
	}
}
