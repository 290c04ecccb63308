package stamp

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/seqd-io/seqd/cmd/seqd/actor/actortest"
	"github.com/seqd-io/seqd/cmd/seqd/stamper"
)

// far is a stamper that hears nothing of its lag.
type far struct{}

func (far) Lag(ctx context.Context) (int64, error) { <-ctx.Done(); return 0, ctx.Err() }
func (far) Stats() stamper.Stats                   { return stamper.Stats{} }

func TestProgressEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &progress{stamper: far{}}
		actortest.Ends(t, "progress", p.run)
		if p.lagText() != "unknown" {
			t.Errorf("lag %s", p.lagText())
		}
	})
}
