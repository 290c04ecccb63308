package etcd

import "testing"

// A swap that was called to send, and then taken along by another sender, has a
// place to pass on: to the next in line that is not called yet, or back.
func TestPlaceIsPassedOn(t *testing.T) {
	newSwap := func() *swap { return &swap{done: make(chan outcome, 1), place: make(chan struct{}, 1)} }
	taken, called, next := newSwap(), newSwap(), newSwap()
	txns := newTxns(nil, nil)
	txns.flying = 2
	for _, s := range []*swap{taken, called} {
		txns.due.push(s)
		s.called = true
		s.place <- struct{}{}
	}
	txns.due.push(next)
	txns.due.take(taken) // by a sender, whose answer comes before taken has seen its token

	txns.leave(taken)
	if len(next.place) != 1 || len(called.place) != 1 || txns.flying != 2 {
		t.Errorf("tokens: next has %d, called %d; %d places; want 1, 1 and 2", len(next.place), len(called.place), txns.flying)
	}
	txns.leave(next) // gives up, and nobody else is to be called
	if txns.flying != 1 {
		t.Errorf("%d places are taken, want 1", txns.flying)
	}
}
