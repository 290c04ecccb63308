package settings_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/cmd/seqd/settings"
	"github.com/seqd-io/seqd/numbering"
)

// clusters reads a configuration as a worker does.
func clusters(t *testing.T, text string) []settings.Cluster {
	t.Helper()
	file := filepath.Join(t.TempDir(), "seqd.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := settings.Default()
	fs := flag.NewFlagSet("seqd check-config", flag.ContinueOnError)
	name := fs.String("config", file, "")
	cfg.Flags(fs)
	all, err := cfg.Read(fs, name, nil)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

const numbers = `
stores:
  orders:
    number: {period: year, format: "INV-{period}-{id:06}"}
    idempotency: {window: 1h}
    keys:
      a b: {number: {format: "K{id:base32}"}}
      c: {bigger_than: 5}
      plain: {number: {period: none}}
  plain: {idempotency: {window: 0}}
  "*": {keys: {ticket: {number: {period: day}}}}
`

// A key's rule replaces its store's; a key without any has its store's, and the keys
// of stores that are not named those of "*".
func TestRulesOfKeys(t *testing.T) {
	all := clusters(t, numbers)
	if len(all) != 1 {
		t.Fatalf("got %d clusters", len(all))
	}
	for key, want := range map[allocator.Key]struct {
		rule    string
		periods bool
		limit   int64
	}{
		{Store: "orders", Name: "invoice"}: {"INV-{period}-{id:06} by year in UTC", true, 999_999},
		{Store: "orders", Name: "c"}:       {"INV-{period}-{id:06} by year in UTC", true, 999_999},
		{Store: "orders", Name: "a=20b"}:   {"K{id:base32}", false, 0},
		{Store: "orders", Name: "a b"}:     {"INV-{period}-{id:06} by year in UTC", true, 999_999},
		{Store: "orders", Name: "plain"}:   {},
		{Store: "orders", Name: "ticket"}:  {"INV-{period}-{id:06} by year in UTC", true, 999_999},
		{Store: "plain", Name: "ticket"}:   {},
		{Store: "other", Name: "ticket"}:   {"{period}-{id} by day in UTC", true, 0},
		{Store: "other", Name: "c"}:        {},
	} {
		got := ""
		if rule := all[0].Rule(key); rule != nil {
			got = rule.String()
		}
		if periods, limit := counting(all[0].Rule(key)); got != want.rule || periods != want.periods || limit != want.limit {
			t.Errorf("%v: got %q, %v, %d, want %+v", key, got, periods, limit, want)
		}
	}
}

// What a worker gets of it.
func TestStoresOfWorkers(t *testing.T) {
	for _, s := range clusters(t, numbers)[0].Stores {
		want := map[string]struct {
			window    time.Duration
			numbering string
		}{
			"orders": {time.Hour, "INV-{period}-{id:06} by year in UTC ("},
			"plain":  {0, ""},
			"*":      {10 * time.Minute, "none, and of keys 1 ("},
		}[s.Name]
		if s.IdempotencyWindow != want.window || !strings.HasPrefix(s.Numbering, want.numbering) || (s.Numbering == "") != (want.numbering == "") {
			t.Errorf("%s: got %v and %q, want %+v", s.Name, s.IdempotencyWindow, s.Numbering, want)
		}
		if (s.Numbers == nil) != (s.Name == "plain") {
			t.Errorf("%s: it has a rule, or has none", s.Name)
		}
		switch s.Name {
		case "orders":
			if s.Numbers("a=20b").String() != "K{id:base32}" || s.Numbers("x").Limit() != 999_999 || s.Numbers("plain") != nil {
				t.Errorf("%s: got other rules", s.Name)
			}
		case "*":
			if s.Numbers("ticket") == nil || s.Numbers("x") != nil {
				t.Errorf("%s: got other rules", s.Name)
			}
		}
	}
}

// Two workers' stores are called the same if all their keys' numbers are.
func TestNumberingTellsRules(t *testing.T) {
	text := func(config string) string { return clusters(t, config)[0].Stores[0].Numbering }
	base := `stores: {a: {number: {period: day}, keys: {k: {number: {format: "{id:03}"}}}}}`
	if text(base) != text(strings.ReplaceAll(base, "day}", "day, zone: UTC}")) {
		t.Error("the same rules are called otherwise")
	}
	for _, other := range []string{
		strings.ReplaceAll(base, "day", "week"), strings.ReplaceAll(base, "03", "04"), strings.ReplaceAll(base, "{k:", "{l:"),
		`stores: {a: {number: {period: day}, keys: {k: {bigger_than: 1}}}}`, `stores: {a: {number: {period: day}, keys: {k: {number: {period: none}}}}}`,
	} {
		if text(base) == text(other) {
			t.Errorf("%s: is called as %s: %s", other, base, text(base))
		}
	}
}

// counting returns whether a rule counts in periods, and the greatest id that it
// has room for, 0 for as many as there are.
func counting(rule *numbering.Rule) (periods bool, limit int64) {
	if rule == nil {
		return false, 0
	}
	if rule.Bounded() {
		limit = rule.Limit()
	}
	return rule.Periodic(), limit
}
