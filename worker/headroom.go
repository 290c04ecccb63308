package worker

import (
	"fmt"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/numbering"
)

// headroom sees to it that nobody is surprised by EXHAUSTED: it says in the log,
// once for each key and level, how much of all ids a key has spent, and counts
// the keys. Its zero value is not for use.
type headroom struct {
	log *slog.Logger

	mu     sync.Mutex
	passed map[allocator.Key]int // how many levels
	spoke  time.Time             // when a line was last written
	unsaid int                   // lines that were left out since
}

// headroomLevels are how many hundredths of all ids are worth a line.
var headroomLevels = [...]int64{90, 99}

const (
	// maxPassed bounds the keys remembered; beyond, one may be told of and
	// counted again.
	maxPassed = 4096

	// headroomSpacing is the least time between two lines.
	headroomSpacing = time.Second
)

// saw notes that ids of key up to last are issued, which counts by a rule if that is
// not nil.
func (st *store) saw(key allocator.Key, last int64, rule *numbering.Rule) {
	if rule != nil {
		st.sawNumber(key, last, rule)
		return
	}
	st.stats.saw(last)
	st.backend.headroom.saw(key, last, &st.stats.nearlyExhausted)
}

// saw notes that ids up to last are issued. nearly counts the keys of the store
// that are past the first level.
func (h *headroom) saw(key allocator.Key, last int64, nearly *atomic.Int64) {
	if last > math.MaxInt64/100*90 {
		h.note(key, last, math.MaxInt64, nearly)
	}
}

// note is saw for a key whose greatest id is limit, once it is past the first level.
func (h *headroom) note(key allocator.Key, last, limit int64, nearly *atomic.Int64) {
	level := 0
	for level < len(headroomLevels) && last > limit/100*headroomLevels[level] {
		level++
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	before := h.passed[key]
	if level <= before {
		return
	}
	if before == 0 {
		nearly.Add(1)
		if len(h.passed) >= maxPassed {
			for other := range h.passed { // any one will do
				delete(h.passed, other)
				break
			}
		}
		key = key.Clone()
	}
	h.passed[key] = level
	now := time.Now()
	if !h.spoke.IsZero() && now.Sub(h.spoke) < headroomSpacing {
		h.unsaid++
		return
	}
	h.log.Warn("a key is running out of ids", "store", key.Store, "key", key.Name, "last", last,
		"spent_percent", headroomLevels[level-1], "left", limit-last, "keys_not_named", h.unsaid,
		"hint", fmt.Sprintf("at %d it answers EXHAUSTED: have its callers use another key before that", limit))
	h.spoke, h.unsaid = now, 0
}
