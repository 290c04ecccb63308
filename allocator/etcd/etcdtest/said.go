package etcdtest

import (
	"strings"
	"sync"
)

// Said is what was logged. It is safe for concurrent use.
type Said struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *Said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *Said) Text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
