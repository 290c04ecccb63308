package settings

import (
	"time"

	"go.yaml.in/yaml/v3"
)

// Idempotency says for how long a request that is repeated gets the same answer.
type Idempotency struct {
	Window *Window `yaml:"window"` // nil: DefaultWindow
}

// Window is for how long an answer is kept, at least. 0 means that none is, and that
// an idempotency key is refused.
type Window time.Duration

// UnmarshalYAML reads a time with its unit, or 0, which needs none.
func (w *Window) UnmarshalYAML(node *yaml.Node) error { return (*Lease)(w).UnmarshalYAML(node) }

// DefaultWindow outlasts the retries of a program, and its restart.
const DefaultWindow = 10 * time.Minute

// How short and how long a window may be. Leases of etcd's that answers hang on are
// shared by those of a minute; and each answer is a record that etcd keeps.
const (
	shortestWindow = time.Minute
	longestWindow  = 24 * time.Hour
)

// window returns the window of a store, 0 for none.
func (s Store) window(name string, src Source) (time.Duration, error) {
	if s.Idempotency.Window == nil {
		return DefaultWindow, nil
	}
	w := time.Duration(*s.Idempotency.Window)
	if w != 0 && (w < shortestWindow || w > longestWindow) {
		return 0, src.errorf([]string{"stores", name, "idempotency", "window"}, "must be 0, or from 1m to 24h, not %v", w)
	}
	return w, nil
}
