package settings

import (
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/seqd-io/seqd/worker"
)

// Strong says what STRONG ids rest on.
type Strong struct {
	Lease Lease `yaml:"lease"`
}

// Lease is for how long one worker owns a key and issues its ids from memory,
// without a word from etcd. 0 means that no worker owns any, and that etcd
// certifies every batch.
type Lease time.Duration

// UnmarshalYAML reads a time with its unit, or 0, which needs none.
func (l *Lease) UnmarshalYAML(node *yaml.Node) error {
	if node.ShortTag() == "!!int" && node.Value == "0" {
		*l = 0
		return nil
	}
	return node.Decode((*time.Duration)(l))
}

// How short and how long a lease may be. A worker renews it three times, and a
// pause that an election of etcd's or a busy machine makes should not lose it;
// when a worker is killed callers wait until its leases have ended.
const (
	shortestLease = time.Second
	longestLease  = time.Minute
)

// check checks the lease that stands at a place in the file.
func (l Lease) check(at []string, src Source) error {
	switch lease := time.Duration(l); {
	case lease == 0:
		return nil
	case lease < shortestLease || lease > longestLease:
		return src.errorf(at, "must be 0, or from 1s to 60s, not %v", lease)
	case lease%time.Millisecond != 0: // other workers read it in the worker's session
		return src.errorf(at, "must be in whole milliseconds, not %v", lease)
	}
	return nil
}

// leaseOf notes the lease of a store, called name, in the cluster of all that it
// is kept in. A worker has one session in a place, for all of its stores there:
// their leases end together, after the shortest of them.
func leaseOf(all []Cluster, in int, l Lease, name string, src Source) error {
	at := []string{"stores", name, "strong", "lease"}
	if err := l.check(at, src); err != nil || l == 0 {
		return err
	}
	c := &all[in]
	for i, other := range all {
		if i != in && other.Lease > 0 && other.Etcd.overlaps(c.Etcd) {
			leased := slices.IndexFunc(other.Stores, func(s worker.Store) bool { return s.Leased })
			return src.errorf(at, "store %s has a lease below %s in the same etcd, but other settings for it, and a worker has one session in a place: give both stores the same etcd settings, or prefixes of their own",
				other.Stores[leased].Name, c.Etcd.Prefix)
		}
	}
	if lease := time.Duration(l); c.Lease == 0 || lease < c.Lease {
		c.Lease = lease
	}
	return nil
}

// overlaps reports whether two settings, which are canonical, lead to one place
// for certain, in whatever way: sessions there have one name.
func (e Etcd) overlaps(other Etcd) bool {
	return e.Prefix == other.Prefix && slices.ContainsFunc(e.Endpoints, func(a string) bool {
		return slices.ContainsFunc(other.Endpoints, func(b string) bool { return bare(a) == bare(b) })
	})
}

func bare(endpoint string) string { return strings.TrimPrefix(endpoint, "https://") }
