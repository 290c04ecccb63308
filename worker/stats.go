package worker

import (
	"sync/atomic"
	"time"
)

// stats are a store's counters since the worker started. They only grow.
type stats struct {
	requests atomic.Int64 // answered, errors included
	errors   atomic.Int64
	ids      atomic.Int64 // issued
	nanos    atomic.Int64 // from arrival to answer, summed

	nearlyExhausted atomic.Int64 // keys seen past 90 % of all ids

	lastError atomic.Pointer[string]
}

func (s *stats) answered(ids int, took time.Duration) {
	s.requests.Add(1)
	s.ids.Add(int64(ids))
	s.nanos.Add(int64(took))
}

func (s *stats) failed(text string, took time.Duration) {
	s.requests.Add(1)
	s.errors.Add(1)
	s.nanos.Add(int64(took))
	s.lastError.Store(&text)
}
