package history

import (
	"errors"
	"fmt"
	"strings"

	"github.com/seqd-io/seqd/allocator"
)

// wayOut ends what is said of a fence.
const wayOut = "raise the counters above every issued id with: seqd admin jump --all --by N"

// explain adds the way out to a fence.
func (g *Guard) explain(err error, f found) error {
	if !errors.Is(err, allocator.ErrFenced) {
		return err
	}
	g.mu.Lock()
	store := g.known.Store
	g.mu.Unlock()
	return fmt.Errorf("%w; %s", err, g.waysOut(store, f))
}

// waysOut says what an operator can do about a fence. To forget all is none where
// there are counters elsewhere.
func (g *Guard) waysOut(store string, f found) string {
	if f.other != "" {
		return wayOut
	}
	memories, _ := g.memory.recall()
	var forget []string
	if files := memories.about(store, g.memory.here); len(files) > 0 {
		forget = append(forget, "delete "+strings.Join(files, " and "))
	}
	if f.recordFences() {
		forget = append(forget, "etcdctl del "+g.prefix.Incarnation())
	}
	if len(forget) == 0 {
		return wayOut
	}
	return wayOut + "; or, only if the ids issued so far truly don't matter, stop the workers, " + strings.Join(forget, ", ") + ", and start them"
}
