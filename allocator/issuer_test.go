package allocator_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
)

// contested is a Source of keys that a rival wins: an advance that yields ends
// with a lost race.
type contested struct {
	allocatortest.Memory
	hooks allocator.Hooks
}

func (c *contested) Attach(hooks allocator.Hooks) {
	c.hooks = hooks
	c.Memory.Attach(hooks)
}

func (c *contested) Start(a *allocator.Advance) {
	if a.Yield {
		a.Done.Advanced(a, allocator.Range{}, &allocator.LostRace{Winner: "rival"})
		return
	}
	c.Memory.Start(a)
}

// newRequest returns a request that keeps its answers.
func newRequest(key allocator.Key, n int) *request {
	r := &request{asked: time.Now(), Request: allocator.Request{Key: key, N: n, Deadline: time.Now().Add(time.Minute)}}
	r.Waiter = r
	return r
}

// wantLost checks that r was told at once that the race is lost.
func (r *request) wantLost(t *testing.T, want allocator.LostRace) {
	t.Helper()
	got := r.got()
	var lost *allocator.LostRace
	if len(got) != 1 || !errors.As(got[0].err, &lost) || *lost != want || got[0].ids != (allocator.Range{}) {
		t.Errorf("request for %d ids got %v, want %v", r.N, got, want)
	}
}

// Once its Source revokes what it has reserved, an Issuer holds no ids and
// believes in no rival and no owner. Whoever is told of it can rely on that.
func TestIssuerDropsWhatIsRevoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			c       contested
			l       ledger
			issuer  *allocator.Issuer
			revoked int
		)
		issuer = allocator.NewIssuer(&c, allocator.IssuerConfig{
			Peers:    true,
			Observer: &l,
			Revoked: func() {
				revoked++
				if ids, ok := issuer.Take(key, 1, 0); ok {
					t.Errorf("Take = %v, want nothing", ids)
				}
				if ids, owner, ok := issuer.TakeOwned(other, 1, 0, time.Now()); ok || owner != "" {
					t.Errorf("TakeOwned = %v of %q, want nothing", ids, owner)
				}
				if rival := issuer.Rival(key); rival != "" {
					t.Errorf("%s is still believed to win", rival)
				}
			},
		})
		defer issuer.Stop()
		if c.hooks.Observer != &l {
			t.Error("the Source does not tell the Observer")
		}

		if err := issuer.Renew(t.Context()); err != nil {
			t.Fatal(err)
		}
		weak, strong, owned := newRequest(key, 1), newRequest(key, 1), newRequest(other, 1)
		issuer.AllocateWeak(&weak.Request)
		weak.wantIDs(t, 1, 1, 0)
		issuer.AllocateStrong(&strong.Request)
		strong.wantLost(t, allocator.LostRace{Winner: "rival"})
		issuer.AllocateOwned(&owned.Request)
		owned.wantIDs(t, 1, 1, 0)
		if rival := issuer.Rival(key); rival != "rival" || issuer.Keys() != 1 || issuer.OwnedKeys() != 1 {
			t.Errorf("%q wins, %d and %d keys are in memory", rival, issuer.Keys(), issuer.OwnedKeys())
		}
		c.Revoke()
		if revoked != 1 || issuer.Keys() != 0 || issuer.OwnedKeys() != 0 {
			t.Errorf("revoked %d times, %d and %d keys are in memory", revoked, issuer.Keys(), issuer.OwnedKeys())
		}
		l.wantSkipped(t, map[allocator.Gap]int{allocator.GapRevoked: 18})
	})
}

// Who was handed a request over serves it, also if it is believed that somebody
// else wins; and who has no peers races to the end.
func TestIssuerHandsNothingOn(t *testing.T) {
	for name, peers := range map[string]bool{"alone": false, "one of several": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var c contested
				issuer := allocator.NewIssuer(&c, allocator.IssuerConfig{Peers: peers})
				defer issuer.Stop()
				first := newRequest(key, 1)
				issuer.AllocateStrong(&first.Request)
				if peers {
					first.wantLost(t, allocator.LostRace{Winner: "rival"})
				} else {
					first.wantIDs(t, 1, 1, 0)
				}
				direct := newRequest(key, 2)
				direct.Direct = true
				issuer.AllocateStrong(&direct.Request)
				synctest.Wait()
				direct.wantIDs(t, c.Last(key)-1, 2, 0)
				if rival := issuer.Rival(key); peers != (rival == "rival") {
					t.Errorf("Rival = %q", rival)
				}
			})
		})
	}
}

// A batch that loses is given up whole: each request hears who has won, and
// nothing was reserved. The rival is remembered until it was asked in vain.
func TestIssuerGivesALostBatchUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c contested
		issuer := allocator.NewIssuer(&c, allocator.IssuerConfig{Peers: true})
		defer issuer.Stop()
		direct := newRequest(key, 1)
		direct.Direct = true
		release := c.Stall(key)
		issuer.AllocateStrong(&direct.Request)
		var batch []*request
		for range 3 {
			r := newRequest(key, 2)
			issuer.AllocateStrong(&r.Request)
			batch = append(batch, r)
		}
		direct.wantNoAnswer(t)
		release()
		direct.wantIDs(t, 1, 1, 0)
		for _, r := range batch {
			r.wantLost(t, allocator.LostRace{Winner: "rival"})
		}
		wantLast(t, &c.Memory, key, 1)

		issuer.Refused(key, "another")
		issuer.Refused(other, "rival")
		if rival := issuer.Rival(key); rival != "rival" {
			t.Errorf("Rival = %q after somebody else was asked in vain", rival)
		}
		issuer.Refused(key, "rival")
		if rival := issuer.Rival(key); rival != "" {
			t.Errorf("Rival = %q after it was asked in vain", rival)
		}
	})
}
