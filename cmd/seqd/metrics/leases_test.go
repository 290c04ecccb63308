package metrics_test

import (
	"strings"
	"testing"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/cmd/seqd/metrics"
	"github.com/seqd-io/seqd/internal/histogram"
	"github.com/seqd-io/seqd/worker"
)

// What a worker owns, hands over and takes over is told with each figure under
// its own name: that a lease is late is seen by nothing else.
func TestScrapeOfLeases(t *testing.T) {
	var gaps histogram.Durations
	gaps.Observe(time.Second)
	gaps.Observe(2 * time.Second)
	answers := worker.Answers{Mode: "strong", Path: "fast", IDs: 7}
	answers.Duration.Count = 5
	s := metrics.Sources{Worker: func() worker.Snapshot {
		return worker.Snapshot{
			HandedOver: 100, HandoversRefused: 20, HandoversLost: 3, HandoverMessages: 12, HandoversReceived: 55, Suspensions: 2,
			Stores: []worker.StoreSnapshot{{
				Name: "orders", Leased: true, Unleased: 9,
				Answers:   []worker.Answers{answers},
				Skipped:   map[string]int64{allocator.GapTenure.String(): 40},
				Takeovers: map[string]int64{allocator.TakeoverGone.String(): 4, allocator.TakeoverStood.String(): 2},
			}},
			Backends: []worker.BackendSnapshot{
				{Name: "a:2379", Keys: 1, OwnedKeys: 256, KeysLimit: 1000, Lease: 3 * time.Second, LeaseLeft: 1500 * time.Millisecond,
					Renewals: 60, RenewalsFailed: 5, RenewalsHeld: 7, RenewalGap: gaps.Snapshot()},
				{Name: "b:2379", Lease: 3 * time.Second, LeaseLeft: -time.Second},
			},
		}
	}}
	text := scrape(t, s)
	for _, want := range []string{
		`seqd_lease_seconds{backend="a:2379"} 3`,
		`seqd_lease_left_seconds{backend="a:2379"} 1.5`,
		`seqd_lease_left_seconds{backend="b:2379"} 0`, // one that is over is as good as none
		`seqd_owned_keys{backend="a:2379"} 256`,
		`seqd_owned_keys_limit{backend="a:2379"} 1000`,
		`seqd_weak_keys{backend="a:2379"} 1`,
		`seqd_lease_renewals_total{backend="a:2379",outcome="ok"} 60`,
		`seqd_lease_renewals_total{backend="a:2379",outcome="failed"} 5`,
		`seqd_lease_renewals_total{backend="a:2379",outcome="held"} 7`,
		`seqd_lease_renewal_gap_seconds_sum{backend="a:2379"} 3`,
		`seqd_lease_renewal_gap_seconds_bucket{backend="a:2379",le="1.31072"} 1`,
		`seqd_takeovers_total{cause="gone",store="orders"} 4`,
		`seqd_takeovers_total{cause="stood_still",store="orders"} 2`,
		`seqd_requests_unleased_total{store="orders"} 9`,
		`seqd_handover_requests_total{outcome="taken"} 100`,
		`seqd_handover_requests_total{outcome="refused"} 20`,
		`seqd_handover_requests_total{outcome="lost"} 3`,
		`seqd_handover_messages_total 12`,
		`seqd_handover_received_total 55`,
		`seqd_suspensions_total 2`,
		`seqd_request_duration_seconds_count{mode="strong",path="fast",store="orders"} 5`,
		`seqd_ids_skipped_total{reason="tenure",store="orders"} 40`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no %s", want)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

// A worker without leases has the series all the same, at 0, so that a query for
// leases finds the worker which has none.
func TestScrapeWithoutLeases(t *testing.T) {
	text := scrape(t, metrics.Sources{Worker: func() worker.Snapshot {
		return worker.Snapshot{Stores: []worker.StoreSnapshot{{Name: "*"}}, Backends: []worker.BackendSnapshot{{Name: "a"}}}
	}})
	for _, want := range []string{
		`seqd_lease_seconds{backend="a"} 0`, `seqd_owned_keys{backend="a"} 0`, `seqd_lease_renewal_gap_seconds_count{backend="a"} 0`,
		`seqd_takeovers_total{cause="gone",store="*"} 0`, `seqd_requests_unleased_total{store="*"} 0`, `seqd_handover_requests_total{outcome="taken"} 0`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
}
