package settings

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/dial"
	"github.com/seqd-io/seqd/allocator/etcd/record"
	"github.com/seqd-io/seqd/cmd/seqd/advice"
	"github.com/seqd-io/seqd/numbering"
	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

// Cluster is an etcd cluster and the stores that are kept there.
type Cluster struct {
	Etcd   Etcd
	Stores []worker.Store
	Lease  time.Duration // for which a worker owns keys of the leased stores; 0: none is

	floors  floors
	numbers numbers
}

// Name returns what the cluster is called in logs.
func (c Cluster) Name() string { return strings.Join(c.Etcd.Endpoints, ",") }

// Floor returns the id that a key's ids must be greater than: what is said of the
// key or of its store, whichever is greater.
func (c Cluster) Floor(k allocator.Key) int64 { return c.floors.of(k) }

// Rule returns the rule by which a key's ids are printed, nil if they are not.
func (c Cluster) Rule(k allocator.Key) *numbering.Rule { return c.numbers.of(k) }

// Clusters sorts the stores by the cluster they are kept in, and checks what is
// said of both. Without any store it serves every name.
//
// It is for commands that issue no numbers: a secret that can't be read is no error
// here, but in [Config.Check], and numbers that are scrambled with it make no sense.
func (c *Config) Clusters(src Source) ([]Cluster, error) { return c.clusters(src, standIn) }

func (c *Config) clusters(src Source, secret func(file string) ([]byte, error)) ([]Cluster, error) {
	stores := c.Stores
	if len(stores) == 0 {
		stores = map[string]Store{subjects.AnyStore: {}}
	}
	var all []Cluster
	for _, name := range slices.Sorted(maps.Keys(stores)) {
		s := stores[name]
		where, at := c.Etcd, []string{"etcd"}
		if s.Etcd != nil {
			where, at = *s.Etcd, []string{"stores", name, "etcd"}
			if where.Prefix == "" && !src.says(append(at, "prefix")...) {
				where.Prefix = record.DefaultPrefix
			}
			if where.DialTimeout == 0 {
				where.DialTimeout = dial.DefaultTimeout
			}
		}
		where, err := where.canonical(at, src)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(all, func(other Cluster) bool { return other.Etcd.same(where) })
		if i < 0 {
			i = len(all)
			all = append(all, Cluster{Etcd: where, floors: floors{stores: map[string]int64{}, keys: map[allocator.Key]int64{}}, numbers: newNumbers()})
		}
		store, err := s.worker(name, src)
		if err != nil {
			return nil, err
		}
		if err := all[i].numbers.add(name, s, src, secret); err != nil {
			return nil, err
		}
		store.Numbers, store.Numbering = all[i].numbers.ofStore(name), all[i].numbers.text(name)
		all[i].Stores = append(all[i].Stores, store)
		if err := leaseOf(all, i, s.Strong.Lease, name, src); err != nil {
			return nil, err
		}
		if err := all[i].floors.add(name, s, src); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// TextOf returns what an error of package subjects says, without the code that
// it has on the wire.
func TextOf(err error) string {
	var e *subjects.Error
	if errors.As(err, &e) {
		return e.Text
	}
	return err.Error()
}

// canonical checks the settings that stand at a place in the file, and returns
// them in their one spelling: two stores in one place share what leads there.
func (e Etcd) canonical(at []string, src Source) (Etcd, error) {
	at = slices.Clip(at)
	var err error
	if e.Endpoints, err = canonicalEndpoints(e.Endpoints, e.TLS != TLS{}); err != nil {
		return e, src.errorf(append(at, "endpoints"), "%v", err)
	}
	if e.Prefix, err = record.CanonicalPrefix(e.Prefix); err != nil {
		return e, src.errorf(append(at, "prefix"), "%v", advice.Add(err))
	}
	return e, e.validate(at, src)
}

// same reports whether two settings, which are canonical, lead to one place in one
// way. With TLS an endpoint is https whether it says so or not.
func (e Etcd) same(other Etcd) bool {
	for _, c := range []*Etcd{&e, &other} {
		if c.TLS != (TLS{}) {
			c.Endpoints = slices.Clone(c.Endpoints)
			for i, endpoint := range c.Endpoints {
				c.Endpoints[i] = strings.TrimPrefix(endpoint, "https://")
			}
			slices.Sort(c.Endpoints)
			c.Endpoints = slices.Compact(c.Endpoints)
		}
	}
	return reflect.DeepEqual(e, other)
}

// validate checks what has one spelling anyway.
func (e Etcd) validate(at []string, src Source) error {
	switch {
	case e.Username == "" && e.Password != "":
		return src.errorf(append(at, "password"), "is set without a username: set etcd.username too, or SEQD_ETCD_USERNAME")
	case e.Username != "" && e.Password == "":
		return src.errorf(append(at, "username"), "is set without a password: set etcd.password too, or SEQD_ETCD_PASSWORD; a user that a client certificate names is not set here")
	case (e.TLS.Cert == "") != (e.TLS.Key == ""):
		return src.errorf(append(at, "tls"), "cert and key belong together: set both or none")
	case e.DialTimeout <= 0:
		return src.errorf(append(at, "dial_timeout"), "must be more than 0, not %v", e.DialTimeout)
	}
	for setting, text := range map[string]string{"username": e.Username, "password": e.Password} {
		if err := checkSecret(text); err != nil {
			return src.errorf(append(at, setting), "%v", err)
		}
	}
	for setting, name := range map[string]string{"cert": e.TLS.Cert, "key": e.TLS.Key, "ca": e.TLS.CA} {
		if err := checkFile(setting, name); err != nil {
			return src.errorf(append(at, "tls", setting), "%v", err)
		}
	}
	return nil
}

// worker returns the store's rules as the worker takes them.
func (s Store) worker(name string, src Source) (worker.Store, error) {
	at := func(path ...string) []string { return append([]string{"stores", name}, path...) }
	if name != subjects.AnyStore {
		if err := subjects.CheckToken("store", name); err != nil {
			return worker.Store{}, src.errorf(at(), "%s", TextOf(err))
		}
	}
	store := worker.Store{Name: name, MaxCount: s.MaxCount, Segments: allocator.Segments{
		Min: s.Weak.SegmentMin, Max: s.Weak.SegmentMax, Runway: s.Weak.Runway,
	}, Leased: s.Strong.Lease != 0, Floors: s.floors()}
	if s.Mode != "" {
		mode, err := subjects.ParseMode(s.Mode)
		if err != nil {
			return store, src.errorf(at("mode"), "must be strong or weak, not %q", s.Mode)
		}
		store.DefaultMode = mode
	}
	for _, m := range s.Modes {
		mode, err := subjects.ParseMode(m)
		if err != nil {
			return store, src.errorf(at("modes"), "must hold strong and weak only, not %q", m)
		}
		store.Modes = append(store.Modes, mode)
	}
	if store.DefaultMode == subjects.DefaultMode {
		store.DefaultMode = subjects.Weak
		if len(store.Modes) == 1 {
			store.DefaultMode = store.Modes[0]
		}
	}
	if len(store.Modes) > 0 && !slices.Contains(store.Modes, store.DefaultMode) {
		return store, src.errorf(at("modes"), "must hold the store's default mode, %v", store.DefaultMode)
	}
	var err error
	if store.IdempotencyWindow, err = s.window(name, src); err != nil {
		return store, err
	}
	sizes := store.Segments
	switch {
	case s.MaxCount < 0 || s.MaxCount > subjects.MaxN:
		return store, src.errorf(at("max_count"), "must be between 1 and %d, not %d", int64(subjects.MaxN), s.MaxCount)
	case sizes.Min < 0:
		return store, src.errorf(at("weak", "segment_min"), "must be at least 1, not %d", sizes.Min)
	case sizes.Max < 0 || sizes.Max > maxSegment:
		return store, src.errorf(at("weak", "segment_max"), "must be between 1 and %d, not %d", maxSegment, sizes.Max)
	case sizes.Max > 0 && sizes.Max < max(sizes.Min, 1):
		return store, src.errorf(at("weak", "segment_max"), "must not be below segment_min, %d", sizes.Min)
	case sizes.Runway < 0:
		return store, src.errorf(at("weak", "runway"), "must be more than 0, not %v", sizes.Runway)
	}
	return store, nil
}

// maxSegment keeps a segment from burning a noticeable part of all ids.
const maxSegment = 1_000_000_000
