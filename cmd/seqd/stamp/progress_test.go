package stamp

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/seqd-io/seqd/clients/go/stamp"
	"github.com/seqd-io/seqd/cmd/seqd/actor/actortest"
)

// far is a stamper that hears nothing of its lag.
type far struct{}

func (far) Lag(ctx context.Context) (int64, error) { <-ctx.Done(); return 0, ctx.Err() }
func (far) Stats() stamp.Stats                     { return stamp.Stats{} }

func TestProgressEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &progress{stamper: far{}}
		actortest.Ends(t, "progress", p.run)
		if p.lagText() != "unknown" {
			t.Errorf("lag %s", p.lagText())
		}
	})
}
