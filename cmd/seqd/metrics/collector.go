package metrics

import (
	"runtime"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/internal/histogram"
	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

// collector turns snapshots into metrics. What is counted is counted by worker
// and allocator/etcd, in plain atomics: an observation costs a third to an
// eighth of one by this library's own histograms (BenchmarkObserve).
type collector struct {
	sources Sources

	buildInfo, state, storeState                                 family
	natsConnected, natsReconnects, pauses                        family
	requests, duration, inFlight, inFlightLimit                  family
	queued, queuedLimit, dropped, withoutReply                   family
	clockOffset, replayed                                        family
	workerInfo, lost, refused                                    family
	issued, skipped, left, nearlyExhausted                       family
	batches, segments, segmentIDs, waits, waitSeconds            family
	weakKeys, weakKeysLimit                                      family
	txns, txnDuration, txnSwaps, swaps, swapsDue, flying, probes family

	leases leases
}

func newCollector(s Sources) *collector {
	return &collector{
		sources:       s,
		buildInfo:     gauge("build_info", "The build that runs, always 1.", "version", "revision", "goversion"),
		state:         gauge("state", "1 for the state the worker is in, else 0: serving if it serves every store, else the first other state.", "state"),
		storeState:    gauge("store_state", "1 for the state the worker is in for the store, else 0; only while serving it is in the queue group.", "store", "state"),
		natsConnected: gauge("nats_connected", "1 while there is a connection to NATS, else 0."),

		workerInfo:     gauge("worker_info", "Who this worker is, always 1: its id in discovery, logs and etcd's records, and its host.", "id", "host"),
		lost:           counter("answers_lost_total", "Answers that no caller got: refused by NATS after they were sent, too large for its max_payload, or not sent as it was away.", "reason"),
		refused:        gauge("subscriptions_refused", "Subscriptions that NATS refuses and that the worker serves without: discovery, what other workers hand over, their answers."),
		natsReconnects: counter("nats_reconnects_total", "Times the connection to NATS came back."),
		pauses:         counter("pauses_total", "Times the process stood still for more than 250 ms."),

		requests:      counter("requests_total", "Requests that were answered.", "store", "mode", "code"),
		duration:      histo("request_duration_seconds", "Time from a request's arrival to its answer with ids. Path fast: from memory.", "store", "mode", "path"),
		inFlight:      gauge("requests_in_flight", "Requests that are accepted and not answered yet."),
		inFlightLimit: gauge("requests_in_flight_limit", "Requests in flight beyond which one more is answered BUSY (max_waiting)."),
		queued:        gauge("requests_queued", "Messages that have come and are not handled yet.", "store"),
		queuedLimit:   gauge("requests_queued_limit", "Messages queued for a store beyond which one more is dropped."),
		dropped:       counter("requests_dropped_total", "Messages that were dropped without an answer because they came faster than they could be refused.", "store"),
		withoutReply:  counter("requests_without_reply_total", "Messages without a reply subject that could be answered; nothing is allocated for them."),

		clockOffset: gauge("clock_offset_seconds", "How far the other worker's clock that is furthest away is ahead of this one's, where keys count in periods; below 0: behind."),
		replayed:    counter("replayed_total", "Requests with an idempotency key that were answered with the ids of the request before.", "store"),

		issued:          counter("ids_issued_total", "Ids in answers.", "store", "mode"),
		skipped:         counter("ids_skipped_total", "Ids that nobody gets.", "store", "reason"),
		left:            gauge("ids_left", "Ids left to the key with the fewest, of the keys that were asked for since the start.", "store"),
		nearlyExhausted: counter("keys_nearly_exhausted_total", "Keys seen past 90 % of all ids.", "store"),

		batches:       histo("batch_requests", "STRONG requests that shared an advance.", "store"),
		segments:      counter("segments_reserved_total", "Segments reserved for WEAK requests, and for all of stores with a lease.", "store"),
		segmentIDs:    counter("segment_ids_reserved_total", "Ids in segments reserved.", "store"),
		waits:         counter("refill_waits_total", "WEAK requests, and all of stores with a lease, that had to wait for a segment. Cause late: the next one should have been there.", "store", "cause"),
		waitSeconds:   counter("refill_wait_seconds_total", "Time from arrival to answer of requests that had to wait for a segment, summed.", "store", "cause"),
		weakKeys:      gauge("weak_keys", "Keys that ids are held of in memory.", "backend"),
		weakKeysLimit: gauge("weak_keys_limit", "Keys in memory beyond which the least used is evicted (max_keys).", "backend"),

		txns:        counter("etcd_transactions_total", "Transactions that advance counters.", "backend", "outcome"),
		txnDuration: histo("etcd_transaction_duration_seconds", "Time that transactions took that etcd answered.", "backend"),
		txnSwaps:    histo("etcd_transaction_swaps", "Counters that a transaction advances.", "backend"),
		swaps:       counter("etcd_swaps_total", "Attempts to advance a counter.", "backend", "outcome"),
		swapsDue:    gauge("etcd_swaps_due", "Attempts to advance a counter that wait for their turn.", "backend"),
		flying:      gauge("etcd_transactions_in_flight", "Transactions under way.", "backend"),
		probes:      counter("etcd_probes_total", "Probes of etcd, about one a second, which decide whether the worker serves.", "backend", "outcome"),

		leases: newLeases(),
	}
}

// Describe sends nothing: which stores and backends there are is known, but not
// worth a second list. The registry then checks what Collect sends.
func (c *collector) Describe(chan<- *prometheus.Desc) {}

// Collect sends everything, read anew.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	w := c.sources.Worker()
	c.buildInfo.send(ch, 1, c.sources.Version, revision(), runtime.Version())
	sendState(ch, c.state, w.State)
	c.natsConnected.send(ch, oneIf(w.Connected))
	c.natsReconnects.send(ch, float64(w.Reconnects))
	c.workerInfo.send(ch, 1, w.ID, w.Host)
	for reason, n := range w.AnswersLost {
		c.lost.send(ch, float64(n), reason)
	}
	c.refused.send(ch, float64(w.SubscriptionsRefused))
	c.clockOffset.send(ch, w.ClockOffset.Seconds())
	c.pauses.send(ch, float64(w.Pauses))
	c.inFlight.send(ch, float64(w.InFlight))
	c.inFlightLimit.send(ch, float64(w.InFlightLimit))
	c.queuedLimit.send(ch, float64(w.QueueLimit))
	c.withoutReply.send(ch, float64(w.NoReply))
	c.leases.worker(ch, w)
	for _, st := range w.Stores {
		c.store(ch, st)
	}
	for _, b := range w.Backends {
		c.weakKeys.send(ch, float64(b.Keys), b.Name)
		c.weakKeysLimit.send(ch, float64(b.KeysLimit), b.Name)
		c.leases.backend(ch, b)
	}
	for _, b := range c.sources.Backends {
		c.backend(ch, b.Name, b.Stats())
	}
}

func (c *collector) store(ch chan<- prometheus.Metric, st worker.StoreSnapshot) {
	sendState(ch, c.storeState, st.State, st.Name)
	c.queued.send(ch, float64(st.Queued), st.Name)
	c.dropped.send(ch, float64(st.Dropped), st.Name)
	answered, issued := map[string]float64{}, map[string]float64{} // by mode
	for _, a := range st.Answers {
		answered[a.Mode] += float64(a.Duration.Count)
		issued[a.Mode] += float64(a.IDs)
		c.duration.sendHistogram(ch, a.Duration, st.Name, a.Mode, a.Path)
	}
	for mode, n := range answered {
		c.requests.send(ch, n, st.Name, mode, "OK")
		c.issued.send(ch, issued[mode], st.Name, mode)
	}
	for _, f := range st.Failures {
		if possible := (f.Mode == "none") == (f.Code == string(subjects.BadRequest)); !possible && f.N == 0 {
			continue
		}
		c.requests.send(ch, float64(f.N), st.Name, f.Mode, f.Code)
	}
	for reason, n := range st.Skipped {
		c.skipped.send(ch, float64(n), st.Name, reason)
	}
	c.replayed.send(ch, float64(st.Replayed), st.Name)
	c.left.send(ch, float64(st.IDsLeft), st.Name)
	c.nearlyExhausted.send(ch, float64(st.NearlyExhausted), st.Name)
	c.batches.sendHistogram(ch, st.Batches, st.Name)
	c.segments.send(ch, float64(st.Segments), st.Name)
	c.segmentIDs.send(ch, float64(st.SegmentIDs), st.Name)
	for _, wait := range st.Waits {
		c.waits.send(ch, float64(wait.N), st.Name, wait.Cause)
		c.waitSeconds.send(ch, wait.Time.Seconds(), st.Name, wait.Cause)
	}
	c.leases.store(ch, st)
}

func (c *collector) backend(ch chan<- prometheus.Metric, name string, s etcd.Stats) {
	for o := range etcd.OutcomesCount {
		c.txns.send(ch, float64(s.Transactions[o]), name, o.String())
		c.probes.send(ch, float64(s.Probes[o]), name, o.String())
	}
	for o := range etcd.SwapOutcomes {
		c.swaps.send(ch, float64(s.Swaps[o]), name, o.String())
	}
	c.txnDuration.sendHistogram(ch, s.Duration, name)
	c.txnSwaps.sendHistogram(ch, s.Sizes, name)
	c.swapsDue.send(ch, float64(s.Due), name)
	c.flying.send(ch, float64(s.Flying), name)
}

// states are those that a state metric has a series for, so that each is there
// from the start.
var states = [...]worker.State{
	worker.Starting, worker.Serving, worker.Unavailable, worker.Fenced, worker.Denied, worker.Disconnected, worker.Draining,
}

func sendState(ch chan<- prometheus.Metric, f family, is worker.State, labels ...string) {
	for _, s := range states {
		f.send(ch, oneIf(s == is), append(labels[:len(labels):len(labels)], string(s))...)
	}
}

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// family is a metric's name, help and labels, with its type.
type family struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

const namespace = "seqd"

func newFamily(kind prometheus.ValueType, name, help string, labels []string) family {
	return family{prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, labels, nil), kind}
}

func gauge(name, help string, labels ...string) family {
	return newFamily(prometheus.GaugeValue, name, help, labels)
}

func counter(name, help string, labels ...string) family {
	return newFamily(prometheus.CounterValue, name, help, labels)
}

func histo(name, help string, labels ...string) family {
	return newFamily(prometheus.UntypedValue, name, help, labels) // sendHistogram gives it its type
}

func (f family) send(ch chan<- prometheus.Metric, value float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(f.desc, f.kind, value, labels...)
}

func (f family) sendHistogram(ch chan<- prometheus.Metric, s histogram.Snapshot, labels ...string) {
	buckets := make(map[float64]uint64, len(s.Buckets))
	for _, b := range s.Buckets {
		buckets[b.Bound] = b.Count
	}
	ch <- prometheus.MustNewConstHistogram(f.desc, s.Count, s.Sum, buckets, labels...)
}
