package worker

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/subjects"
)

// ServiceName is what `nats micro ls` lists the workers as.
const ServiceName = "seqd"

// hears returns what the worker hears besides requests.
//
// It answers $SRV.PING, INFO and STATS as a NATS service does (ADR-32), in
// micro's own types. That is not left to micro, which could not leave the queue
// group and stay discoverable.
func (w *Worker) hears() ([]*hearing, error) {
	var all []*hearing
	for _, verb := range []micro.Verb{micro.PingVerb, micro.InfoVerb, micro.StatsVerb} {
		for _, scope := range [][2]string{{"", ""}, {ServiceName, ""}, {ServiceName, w.config.ID}} {
			subject, err := micro.ControlSubject(verb, scope[0], scope[1])
			if err != nil {
				return nil, fmt.Errorf("discovery: %w", err)
			}
			all = append(all, &hearing{what: "discovery", subject: subject, handle: func() nats.MsgHandler { return func(m *nats.Msg) { w.discover(verb, m) } }})
		}
	}
	if w.asksForTime() {
		all = append(all, &hearing{what: "other workers' clocks", subject: clockSubject, handle: func() nats.MsgHandler { return w.tellTime }})
	}
	return append(all,
		&hearing{what: "what other workers hand over", subject: w.peerWildcard(), work: true, handle: func() nats.MsgHandler { return newReceiver(w) }},
		&hearing{what: "answers to what it asks", subject: w.inbox + ".*", work: true, twice: true, handle: func() nats.MsgHandler { return w.hearAnswer }}), nil
}

// discover answers a question of service discovery.
func (w *Worker) discover(verb micro.Verb, m *nats.Msg) {
	if !w.canAnswer(m.Reply) {
		return
	}
	var answer any
	switch verb {
	case micro.PingVerb:
		answer = micro.Ping{ServiceIdentity: w.identity(), Type: micro.PingResponseType}
	case micro.InfoVerb:
		answer = w.Info()
	default:
		answer = w.Stats()
	}
	body, err := json.Marshal(answer)
	if err != nil {
		w.log.Error("discovery", "err", err)
		return
	}
	if err := w.conn().Publish(m.Reply, body); err != nil {
		w.answers.lost(err)
	}
}

func (w *Worker) identity() micro.ServiceIdentity {
	return micro.ServiceIdentity{
		Name:    ServiceName,
		ID:      w.config.ID,
		Version: w.config.Version,
		Metadata: map[string]string{
			MetadataState: string(w.State()),
			MetadataRoot:  w.config.Root,
			MetadataHost:  w.config.Host,
		},
	}
}

// Info returns what the worker answers to $SRV.INFO.
func (w *Worker) Info() micro.Info {
	info := micro.Info{
		ServiceIdentity: w.identity(),
		Type:            micro.InfoResponseType,
		Description:     "unique ids, increasing in trend or strictly: ask " + w.config.Root + ".<store>.<key>",
	}
	for _, st := range w.sortedStores() {
		metadata := map[string]string{
			MetadataDefaultMode: st.DefaultMode.String(),
			MetadataModes:       joinModes(st.Modes),
			MetadataMaxCount:    fmt.Sprint(st.MaxCount),
			MetadataState:       string(st.currentState()),
			MetadataFloors:      st.Floors,
			MetadataNumbering:   st.Numbering,
			MetadataSegments:    segmentsOf(st.Segments),
			MetadataLease:       st.lease().String(),
		}
		if why := st.refusal(); why != nil {
			metadata[MetadataReason] = why.Error()
		}
		if name := st.backend.issuer.Lineage(); name != "" {
			metadata[MetadataLineage] = name
		}
		info.Endpoints = append(info.Endpoints, micro.EndpointInfo{
			Name:       st.endpoint(),
			Subject:    st.subject,
			QueueGroup: subjects.Queue,
			Metadata:   metadata,
		})
	}
	return info
}

// segmentsOf says how weak ids are reserved.
func segmentsOf(s allocator.Segments) string {
	return fmt.Sprintf("%d to %d, runway %v", cmp.Or(s.Min, allocator.DefaultSegmentMin), cmp.Or(s.Max, allocator.DefaultSegmentMax), cmp.Or(s.Runway, allocator.DefaultRunway))
}

// EndpointData is what an endpoint's statistics hold beyond micro's.
type EndpointData struct {
	State   State `json:"state"`
	IDs     int64 `json:"ids"`     // issued since the start
	Dropped int64 `json:"dropped"` // messages nats.go dropped unanswered since the start
	Waiting int64 `json:"waiting"` // accepted and not answered, in the whole worker
	NoReply int64 `json:"noreply"` // requests without a usable reply subject, in the whole worker
	Pauses  int64 `json:"pauses"`  // times the worker's process stood still

	// Clock is what the worker's monotonic clock shows, counted from its start, in
	// nanoseconds: two looks at it tell the clock's rate.
	Clock time.Duration `json:"clock"`

	// Of stores with numbers: what the wall clock shows, in Unix milliseconds, and how
	// far the clock of another worker is ahead of it, for the one that differs most.
	Wall          int64 `json:"wall_ms,omitempty"`
	ClockOffsetMs int64 `json:"clock_offset_ms,omitempty"`

	Replayed int64 `json:"replayed"` // repeats answered with the ids of the request before

	NearlyExhausted int64 `json:"nearly_exhausted"` // keys that have spent more than 90 % of all ids, since the start

	Codes map[string]int64 `json:"codes,omitempty"` // requests answered with an error since the start, by code
	Took  []uint64         `json:"took,omitempty"`  // answers with ids since the start, by how long they took; see TookBound

	LeaseData
}

// Stats returns what the worker answers to $SRV.STATS.
func (w *Worker) Stats() micro.Stats {
	stats := micro.Stats{
		ServiceIdentity: w.identity(),
		Type:            micro.StatsResponseType,
		Started:         w.started.UTC(),
	}
	now := w.Snapshot()
	for i, st := range w.sortedStores() {
		s := &st.stats
		requests, took := s.requests()
		endpoint := &micro.EndpointStats{
			Name:           st.endpoint(),
			Subject:        st.subject,
			QueueGroup:     subjects.Queue,
			NumRequests:    int(requests),
			NumErrors:      int(s.errors()),
			ProcessingTime: took,
		}
		if endpoint.NumRequests > 0 {
			endpoint.AverageProcessingTime = endpoint.ProcessingTime / time.Duration(endpoint.NumRequests)
		}
		if text := s.lastError.Load(); text != nil {
			endpoint.LastError = *text
		}
		var wall, offset int64
		if st.Numbers != nil {
			wall, offset = w.config.Now().UnixMilli(), w.clocks.clockOffset().Milliseconds()
		}
		endpoint.Data, _ = json.Marshal(EndpointData{ // plain numbers and strings always marshal
			State:   st.currentState(),
			IDs:     s.issued(),
			Dropped: st.dropped(),
			Waiting: w.waiting.Load(),
			NoReply: w.noReply.Load(),
			Pauses:  w.pauses.Load(),
			Clock:   time.Since(w.started),

			Wall:          wall,
			ClockOffsetMs: offset,
			Replayed:      s.replayed.Load(),

			NearlyExhausted: s.nearlyExhausted.Load(),

			Codes: s.byCode(),
			Took:  s.took(),

			LeaseData: leaseData(now, now.Stores[i], slices.Index(w.backends, st.backend), st.lease()),
		})
		stats.Endpoints = append(stats.Endpoints, endpoint)
	}
	return stats
}

// endpoint returns the store's name as an endpoint's.
func (st *store) endpoint() string {
	if st.Name == subjects.AnyStore {
		return EndpointAny
	}
	return st.Name
}

// dropped returns how many of the store's messages nats.go has dropped since the
// worker started.
func (st *store) dropped() int64 {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.sub == nil {
		return st.droppedBefore
	}
	n, _ := st.sub.Dropped()
	return st.droppedBefore + int64(max(n, 0))
}
