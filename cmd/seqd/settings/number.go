package settings

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/numbering"
	"github.com/seqd-io/seqd/subjects"
)

// Number says how ids are counted and printed. That of a key replaces its store's
// as a whole. Nothing but a period of none is no numbering: for a key whose store
// has some.
type Number struct {
	Period             string `yaml:"period"`
	YearStarts         string `yaml:"year_starts"`
	Zone               string `yaml:"zone"`
	Format             string `yaml:"format"`
	ScrambleSecretFile string `yaml:"scramble_secret_file"`
}

// rule compiles what stands at a place in the file; nil is no numbering.
func (n *Number) rule(at []string, src Source, secret func(file string) ([]byte, error)) (*numbering.Rule, error) {
	if n == nil || *n == (Number{Period: "none"}) {
		return nil, nil
	}
	at = slices.Clip(at)
	for setting, value := range map[string]string{
		"period": n.Period, "year_starts": n.YearStarts, "zone": n.Zone, "format": n.Format, "scramble_secret_file": n.ScrambleSecretFile,
	} {
		if path := append(at, setting); value == "" && src.says(path...) {
			return nil, src.errorf(path, "is empty: leave it out for the default")
		}
	}
	c := numbering.Config{Period: n.Period, YearStarts: n.YearStarts, Zone: n.Zone, Format: n.Format}
	if n.ScrambleSecretFile != "" {
		var err error
		if c.Secret, err = secret(n.ScrambleSecretFile); err != nil {
			return nil, src.errorf(append(at, "scramble_secret_file"), "%v", err)
		}
		defer clear(c.Secret)
	}
	rule, err := numbering.New(c)
	if bad, ok := errors.AsType[*numbering.PartError](err); ok {
		return nil, src.errorf(append(at, bad.Setting), "%s", bad.Reason())
	}
	return rule, err
}

// numbers are the rules by which the ids of stores and keys are printed; a key that
// is there with nil has none, whatever its store has.
type numbers struct {
	stores map[string]*numbering.Rule
	keys   map[allocator.Key]*numbering.Rule
}

func newNumbers() numbers {
	return numbers{stores: map[string]*numbering.Rule{}, keys: map[allocator.Key]*numbering.Rule{}}
}

// add takes in the rules of a store, and looks whether its floors leave ids that
// these have room for.
func (n numbers) add(name string, s Store, src Source, secret func(file string) ([]byte, error)) error {
	at := []string{"stores", name}
	rule, err := s.Number.rule(append(at, "number"), src, secret)
	if err != nil {
		return err
	}
	n.stores[name] = rule
	if tooGreat(s.BiggerThan, rule) {
		return src.errorf(append(at, "bigger_than"), floorText, s.BiggerThan, rule.Limit())
	}
	for _, text := range slices.Sorted(maps.Keys(s.Keys)) {
		k := s.Keys[text]
		key, err := subjects.Escape(text)
		if err != nil {
			return src.errorf(append(at, "keys", text), "%s", TextOf(err))
		}
		own := rule
		if k.Number != nil {
			if own, err = k.Number.rule(append(at, "keys", text, "number"), src, secret); err != nil {
				return err
			}
			n.keys[allocator.Key{Store: name, Name: key}] = own
		}
		switch {
		case tooGreat(k.BiggerThan, own):
			return src.errorf(append(at, "keys", text, "bigger_than"), floorText, k.BiggerThan, own.Limit())
		case tooGreat(s.BiggerThan, own):
			return src.errorf(append(at, "keys", text, "number"), "the store's "+floorText, s.BiggerThan, own.Limit())
		}
	}
	return nil
}

const floorText = "bigger_than of %d leaves no id that the number has room for: its greatest is %d"

func tooGreat(floor int64, rule *numbering.Rule) bool { return rule != nil && floor >= rule.Limit() }

// of returns the rule of a key: its own, or its store's; nil for none.
func (n numbers) of(k allocator.Key) *numbering.Rule {
	store, ok := n.stores[k.Store]
	if !ok {
		k.Store = subjects.AnyStore
		store = n.stores[k.Store]
	}
	if own, ok := n.keys[k]; ok {
		return own
	}
	return store
}

// ofStore returns the same for the keys of a store as the worker asks for it, nil
// if no key has a rule.
func (n numbers) ofStore(name string) func(key string) *numbering.Rule {
	some := n.stores[name] != nil
	for k, rule := range n.keys {
		some = some || k.Store == name && rule != nil
	}
	if !some {
		return nil
	}
	return func(key string) *numbering.Rule { return n.of(allocator.Key{Store: name, Name: key}) }
}

// Rule returns the rule by which a key's ids are printed, nil if they are not. It
// looks at nothing else that the configuration says.
func (c *Config) Rule(src Source, key allocator.Key) (*numbering.Rule, error) {
	name := key.Store
	if _, ok := c.Stores[name]; !ok {
		name = subjects.AnyStore
	}
	all := newNumbers()
	if err := all.add(name, c.Stores[name], src, readSecret); err != nil {
		return nil, err
	}
	return all.of(key), nil
}

// text names the rules of a store, so that doctor can hold workers against each
// other; keys' are told by a fingerprint, as there may be many.
func (n numbers) text(name string) string {
	text := Numbering(n.stores[name])
	own := map[string]*numbering.Rule{}
	for k, rule := range n.keys {
		if k.Store == name {
			own[k.Name] = rule
		}
	}
	if len(own) == 0 {
		return text
	}
	if text == "" {
		text = "none"
	}
	return text + andOfKeys(own, Numbering)
}

// Numbering describes a rule, with a fingerprint of it; "" is no rule.
func Numbering(rule *numbering.Rule) string {
	if rule == nil {
		return ""
	}
	return fmt.Sprintf("%v (%s)", rule, rule.Fingerprint())
}
