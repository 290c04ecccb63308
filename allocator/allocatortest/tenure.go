package allocatortest

import (
	"context"
	"time"

	"github.com/seqd-io/seqd/allocator"
)

// The owned keys of a Memory are those of the one issuer that owns any: it is for
// tests of what that one does, and knows no takeovers.

// lease is how long a tenure lasts after Renew. Tests end it by LetGo.
const lease = time.Hour

// Renew begins or extends the tenure: see [allocator.Source].
func (m *Memory) Renew(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if m.tenure == nil {
		m.tenure = allocator.NewTenure(now, now.Add(lease))
	}
	m.tenure.Extend(now.Add(lease))
	return nil
}

// LetGo ends the tenure: see [allocator.Source].
func (m *Memory) LetGo(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tenure.End()
	m.tenure = nil
	return nil
}

// Release lowers key's mark by rest, if that was reserved last.
func (m *Memory) Release(key allocator.Key, rest allocator.Range) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if rest.N > 0 && m.marks[key] == rest.Last() {
		m.marks[key] -= int64(rest.N)
	}
}

// current returns the tenure, nil if there is none.
func (m *Memory) current() *allocator.Tenure {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.tenure
}
