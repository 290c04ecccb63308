package conformance_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"
)

var (
	others = flag.String("sdk", "", "SDKs besides Go's: `NAME=COMMAND,…`, commands as seen from this folder")
	only   = flag.String("only", "", "only the scenarios whose name contains `TEXT`")
	rates  = flag.Duration("rates", 0, "measure each SDK's rates too, this long each")
)

// TestConformance drives all SDKs through all scenarios, and prints a table.
func TestConformance(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers and a worker")
	}
	s := newSystem(t)
	sdks := []*sdk{startSDK(t, "go", build(t, s.dir, "conformance", "./gosdk"), s.nats.URL)}
	for _, other := range strings.FieldsFunc(*others, func(r rune) bool { return r == ',' }) {
		name, cmd, _ := strings.Cut(other, "=")
		if name == "" || strings.TrimSpace(cmd) == "" {
			t.Fatalf("-sdk: %q is not NAME=COMMAND", other)
		}
		sdks = append(sdks, startSDK(t, name, cmd, s.nats.URL))
	}
	table := newTable(sdks)
	defer func() { fmt.Printf("\n%s\n", table) }()

	row := func(name string, run func(t *testing.T) []string) {
		if strings.Contains(name, *only) {
			t.Run(name, func(t *testing.T) { table.add(name, run(t)) })
		}
	}
	each := func(run func(*testing.T, *system, *sdk) (string, error)) func(*testing.T) []string {
		return func(t *testing.T) (cells []string) {
			for _, c := range sdks {
				note, err := run(t, s, c)
				cells = append(cells, cell(t, c, note, err))
			}
			return cells
		}
	}
	for _, sc := range scenarios {
		row(sc.name, each(func(_ *testing.T, s *system, c *sdk) (string, error) { return sc.run(s, c) }))
	}
	row("worker killed and restarted within 10 000 ids", each(restart))
	for i, u := range []struct {
		name   string
		rounds int
		round  func(command, int, int) command
	}{
		{"64 callers each, one key, at once: strong", 1, calls},
		{"64 callers each, one key, at once: strong, sequences", 1, sequences},
		{"64 callers each, one key, at once: both modes, ranges", 4, mixed},
	} {
		row(u.name, func(t *testing.T) (cells []string) {
			notes, errs, union := together(sdks, fmt.Sprintf("union.%d", i), u.rounds, u.round)
			if union != nil {
				t.Errorf("over the union of all SDKs: %v", union)
			}
			for i, c := range sdks {
				if union != nil && errs[i] == nil {
					errs[i] = fmt.Errorf("see the union")
				}
				cells = append(cells, cell(t, c, notes[i], errs[i]))
			}
			return cells
		})
	}
	if *rates > 0 {
		for _, mode := range []string{"strong", "weak"} {
			for _, calls := range []string{eachItsOwn, bySequence} {
				var without []string // nil: not measured
				row(rateName(mode, calls), func(t *testing.T) (withSDK []string) {
					withSDK, without = ratesOf(t, sdks, mode, calls)
					return withSDK
				})
				if without != nil {
					table.add(rateName(mode, calls+bare), without)
				}
			}
		}
	}
}

// cell is what the table says; an error fails the test.
func cell(t *testing.T, c *sdk, note string, err error) string {
	t.Helper()
	switch {
	case err != nil:
		t.Errorf("%s: %v", c.name, err)
		return "**FAILED**"
	case note == "":
		return "ok"
	default:
		return "ok: " + note
	}
}

// table is in Markdown: scenario × SDK.
type table struct{ strings.Builder }

func newTable(sdks []*sdk) *table {
	t := &table{}
	var names []string
	for _, c := range sdks {
		names = append(names, c.name)
	}
	t.add("scenario", names)
	t.WriteString("|---" + strings.Repeat("|---", len(sdks)) + "|\n")
	return t
}

func (t *table) add(name string, cells []string) {
	fmt.Fprintf(t, "| %s | %s |\n", name, strings.Join(cells, " | "))
}
