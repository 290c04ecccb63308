package numbering_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/seqd-io/seqd/numbering"
)

// Two rules have one fingerprint if they print the same, and only then.
func TestFingerprint(t *testing.T) {
	base := numbering.Config{Period: "year", Zone: "Europe/Berlin", Format: "{yyyy}-{scramble:8}", Secret: secret}
	print := func(change func(*numbering.Config)) string {
		c := base
		change(&c)
		return mustNew(t, c).Fingerprint()
	}
	seen := map[string]string{}
	for name, change := range map[string]func(*numbering.Config){
		"base":        func(*numbering.Config) {},
		"period":      func(c *numbering.Config) { c.Period, c.Format = "month", "{period}-{scramble:8}" },
		"year_starts": func(c *numbering.Config) { c.YearStarts = "04-01" },
		"zone":        func(c *numbering.Config) { c.Zone = "Europe/London" },
		"format":      func(c *numbering.Config) { c.Format = "{yyyy}/{scramble:8}" },
		"secret":      func(c *numbering.Config) { c.Secret = []byte("0123456789abcdeF") },
		"no secret":   func(c *numbering.Config) { c.Format, c.Secret = "{yyyy}-{id:08}", nil },
	} {
		f := print(change)
		if other, ok := seen[f]; ok {
			t.Errorf("%s and %s are both %s", name, other, f)
		}
		seen[f] = name
	}
	// These print the same.
	for name, change := range map[string]func(*numbering.Config){
		"1 January": func(c *numbering.Config) { c.YearStarts = "01-01" },
		"a link":    func(c *numbering.Config) { c.Zone = "Arctic/Longyearbyen" }, // to Berlin
	} {
		if got := print(change); seen[got] != "base" {
			t.Errorf("%s: got %s", name, got)
		}
	}
	withDefaults := mustNew(t, numbering.Config{Period: "year", Format: "{period}-{id}", Zone: "UTC"}).Fingerprint()
	if got := mustNew(t, numbering.Config{Period: "year"}).Fingerprint(); got != withDefaults {
		t.Errorf("got %s, want %s", got, withDefaults)
	}
}

// Neither a rule's texts nor its errors tell the secret.
func TestSecretIsNotTold(t *testing.T) {
	told := []string{}
	for _, c := range []numbering.Config{
		{Format: "{scramble:8}", Secret: []byte("hunter2")},
		{Format: "{id}", Secret: []byte("hunter2hunter2hunter2")},
		{Format: "{scramble:8}", Secret: []byte("hunter2hunter2hunter2")},
	} {
		r, err := numbering.New(c)
		if err != nil {
			told = append(told, err.Error())
			continue
		}
		told = append(told, r.String(), r.Fingerprint(), string(r.Append(nil, invoice, 0, 1)))
	}
	if text := strings.Join(told, "\n"); strings.Contains(text, "hunter2") {
		t.Errorf("got %s", text)
	}
}

// Many use one rule at once, some with clocks in other periods.
func TestConcurrent(t *testing.T) {
	r := mustNew(t, benched["scramble-year"])
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			at := date2026.AddDate(i%3, 0, 0)
			want := r.Label(r.Period(at))
			for id := range int64(2000) {
				p := r.Period(at)
				number := string(r.Append(nil, invoice, p, id+1))
				if _, got, err := r.Decode(invoice, number); err != nil || got != id+1 || r.Label(p) != want || !strings.HasPrefix(number, want) {
					t.Errorf("%s: got %d, %v", number, got, err)
				}
			}
		})
	}
	all.Wait()
}
