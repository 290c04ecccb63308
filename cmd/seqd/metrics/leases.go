package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/worker"
)

// leases are the metrics of keys that workers own, and of the requests that go
// from one worker to the other because of it.
type leases struct {
	lease, left, keys, keysLimit family
	renewals, gap                family
	takeovers, unleased          family
	requests, messages, received family
	suspensions                  family
}

func newLeases() leases {
	return leases{
		lease:     gauge("lease_seconds", "How long the worker may issue ids of the keys that it owns without a word from etcd; 0: it owns none.", "backend"),
		left:      gauge("lease_left_seconds", "Time until the worker stops issuing ids of the keys that it owns, unless it renews; 0: it owns none, or its lease is over.", "backend"),
		keys:      gauge("owned_keys", "Keys that the worker owns.", "backend"),
		keysLimit: gauge("owned_keys_limit", "Keys owned beyond which the least used is given up (max_keys).", "backend"),

		renewals: counter("lease_renewals_total", "Renewals of the worker's lease. Outcome failed: etcd did not take it; held: not tried, as the worker could not show itself that it serves.", "backend", "outcome"),
		gap:      histo("lease_renewal_gap_seconds", "Time from one renewal of the worker's lease to the next; a third of the lease if all is well.", "backend"),

		takeovers: counter("takeovers_total", "Keys taken over from another worker that owned them. Cause gone: its session had ended; stood_still: this worker has ended it.", "store", "cause"),
		unleased:  counter("requests_unleased_total", "Requests answered UNAVAILABLE because this worker had no lease, or the key's owner did not answer and could not be replaced yet.", "store"),

		requests: counter("handover_requests_total", "Requests that another worker was sent because it owns their key, or wins the race for it. Outcome refused: it did not take them; lost: no word came.", "outcome"),
		messages: counter("handover_messages_total", "Messages that requests were handed over in."),
		received: counter("handover_received_total", "Requests that this worker has taken from others."),

		suspensions: counter("suspensions_total", "Times the machine was suspended, and the clock that leases are counted by stood still; ids of owned keys may have come out of order."),
	}
}

func (l *leases) worker(ch chan<- prometheus.Metric, w worker.Snapshot) {
	l.requests.send(ch, float64(w.HandedOver), "taken")
	l.requests.send(ch, float64(w.HandoversRefused), "refused")
	l.requests.send(ch, float64(w.HandoversLost), "lost")
	l.messages.send(ch, float64(w.HandoverMessages))
	l.received.send(ch, float64(w.HandoversReceived))
	l.suspensions.send(ch, float64(w.Suspensions))
}

func (l *leases) store(ch chan<- prometheus.Metric, st worker.StoreSnapshot) {
	for why := range allocator.Takeovers {
		l.takeovers.send(ch, float64(st.Takeovers[why.String()]), st.Name, why.String())
	}
	l.unleased.send(ch, float64(st.Unleased), st.Name)
}

func (l *leases) backend(ch chan<- prometheus.Metric, b worker.BackendSnapshot) {
	l.lease.send(ch, b.Lease.Seconds(), b.Name)
	l.left.send(ch, max(b.LeaseLeft, 0).Seconds(), b.Name)
	l.keys.send(ch, float64(b.OwnedKeys), b.Name)
	l.keysLimit.send(ch, float64(b.KeysLimit), b.Name)
	l.renewals.send(ch, float64(b.Renewals), b.Name, "ok")
	l.renewals.send(ch, float64(b.RenewalsFailed), b.Name, "failed")
	l.renewals.send(ch, float64(b.RenewalsHeld), b.Name, "held")
	l.gap.sendHistogram(ch, b.RenewalGap, b.Name)
}
