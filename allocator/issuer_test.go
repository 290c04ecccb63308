package allocator_test

import (
	"context"
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

// Once its Source revokes what it has reserved, an Issuer holds no ids and
// believes in no rival. Whoever is told of it can rely on that.
func TestIssuerDropsWhatIsRevoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			c       contested
			l       ledger
			issuer  *allocator.Issuer
			asked   int
			revoked int
		)
		issuer = allocator.NewIssuer(&c, allocator.IssuerConfig{
			Ask: func(ctx context.Context, rival string, key allocator.Key, n int) (allocator.Range, error) {
				asked++
				return c.Advance(ctx, key, n)
			},
			Observer: &l,
			Revoked: func() {
				revoked++
				if ids, ok := issuer.Take(key, 1); ok {
					t.Errorf("Take = %v, want nothing", ids)
				}
				if rival := issuer.Rival(key); rival != "" {
					t.Errorf("%s is still asked", rival)
				}
			},
		})
		defer issuer.Stop()
		if c.hooks.Observer != &l {
			t.Error("the Source does not tell the Observer")
		}

		weak, strong := newRequest(key, 1), newRequest(key, 1)
		issuer.AllocateWeak(&weak.Request)
		weak.wantIDs(t, 1, 1, 0)
		issuer.AllocateStrong(&strong.Request)
		strong.wantIDs(t, 11, 1, 0)
		if rival := issuer.Rival(key); rival != "rival" || asked != 1 || issuer.Keys() != 1 {
			t.Errorf("%q was asked %d times, %d keys are in memory", rival, asked, issuer.Keys())
		}
		c.Revoke()
		if revoked != 1 || issuer.Keys() != 0 {
			t.Errorf("revoked %d times, %d keys are in memory", revoked, issuer.Keys())
		}
		l.wantSkipped(t, map[allocator.Gap]int{allocator.GapRevoked: 9})
	})
}

// What another process handed over is not handed on, and who has no rivals races
// to the end.
func TestIssuerHandsNothingOn(t *testing.T) {
	for name, config := range map[string]allocator.IssuerConfig{
		"alone": {},
		"asked": {Ask: func(context.Context, string, allocator.Key, int) (allocator.Range, error) {
			panic("handed on")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var c contested
				issuer := allocator.NewIssuer(&c, config)
				defer issuer.Stop()
				direct := newRequest(key, 2)
				issuer.AllocateDirect(&direct.Request)
				direct.wantIDs(t, 1, 2, 0)
				if config.Ask == nil {
					strong := newRequest(key, 1)
					issuer.AllocateStrong(&strong.Request)
					strong.wantIDs(t, 3, 1, 0)
				}
			})
		})
	}
}
