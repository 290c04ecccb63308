package metrics_test

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/seqd-io/seqd/cmd/seqd/metrics"
	"github.com/seqd-io/seqd/cmd/seqd/stamp"
	"github.com/seqd-io/seqd/cmd/seqd/stamper"
)

const deploy = "../../../deploy/"

// exposed is a metric as a scrape shows it.
type exposed struct {
	kind   string
	labels []string
	values map[string]map[string]bool // of each label
}

// expose returns seqd's own metrics by name.
func expose(t *testing.T) map[string]exposed {
	t.Helper()
	stamping := stamp.NewRegistry(stamp.Line{}, func() stamper.Stats { return stamper.Stats{} }, func() float64 { return 0 })
	families, err := prometheus.Gatherers{metrics.NewRegistry(start(t)), stamping}.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]exposed{}
	for _, f := range families {
		e := exposed{kind: strings.ToLower(f.GetType().String()), values: map[string]map[string]bool{}}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if e.values[l.GetName()] == nil {
					e.values[l.GetName()] = map[string]bool{}
				}
				e.values[l.GetName()][l.GetValue()] = true
			}
		}
		e.labels = slices.Sorted(maps.Keys(e.values))
		all[f.GetName()] = e
	}
	return all
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(deploy + file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The table in deploy/METRICS.md is the scrape: names, types and labels.
func TestEveryMetricIsDocumented(t *testing.T) {
	real := expose(t)
	row := regexp.MustCompile("(?m)^\\| `(seqd_[a-z_]+)` \\| ([a-z]+) \\| ([a-z, ]*)\\|")
	documented := map[string]bool{}
	for _, m := range row.FindAllStringSubmatch(read(t, "METRICS.md"), -1) {
		name, kind := m[1], m[2]
		labels := strings.FieldsFunc(m[3], func(r rune) bool { return r == ',' || r == ' ' })
		slices.Sort(labels)
		documented[name] = true
		switch e, ok := real[name]; {
		case !ok:
			t.Errorf("%s is documented, and not there", name)
		case e.kind != kind || !slices.Equal(e.labels, labels):
			t.Errorf("%s is documented as a %s with labels %v, and is a %s with %v", name, kind, labels, e.kind, e.labels)
		}
	}
	for name := range real {
		if strings.HasPrefix(name, "seqd_") && !documented[name] {
			t.Errorf("%s is not documented", name)
		}
	}
}

// target are the labels that Prometheus adds.
var target = []string{"job", "instance", "le"}

// checkQuery holds a PromQL expression's metrics, labels and label values
// against the scrape. That it parses is promtool's to say.
func checkQuery(t *testing.T, where, query string, real map[string]exposed) {
	t.Helper()
	metric := regexp.MustCompile(`\b((?:seqd|go|process)_[a-z0-9_]+)\b(?:\{([^}]*)\})?`)
	matcher := regexp.MustCompile(`([a-z_]+)\s*(=~|!~|!=|=)\s*"([^"]*)"`)
	for _, m := range metric.FindAllStringSubmatch(query, -1) {
		name, e, ok := m[1], exposed{}, false
		for _, suffix := range []string{"", "_bucket", "_sum", "_count"} {
			base, cut := strings.CutSuffix(name, suffix)
			if e, ok = real[base]; cut && ok && (suffix == "" || e.kind == "histogram") {
				break
			}
			ok = false
		}
		if !ok {
			t.Errorf("%s: there is no metric %s", where, name)
			continue
		}
		for _, l := range matcher.FindAllStringSubmatch(m[2], -1) {
			label, value := l[1], l[3]
			switch {
			case slices.Contains(target, label):
			case !slices.Contains(e.labels, label):
				t.Errorf("%s: %s has no label %s", where, name, label)
			case strings.HasPrefix(value, "$"): // a dashboard's variable
			default:
				for v := range strings.SplitSeq(value, "|") {
					if !e.values[label][v] {
						t.Errorf("%s: no %s has %s %q", where, name, label, v)
					}
				}
			}
		}
	}
}

// All that the dashboard asks for is there.
func TestDashboardQueries(t *testing.T) {
	real := expose(t)
	type panel struct {
		Title   string
		Type    string
		Targets []struct{ Expr string }
		Panels  []panel
	}
	var dashboard struct {
		UID        string
		Panels     []panel
		Templating struct {
			List []struct {
				Name  string
				Query any
			}
		}
	}
	if err := json.Unmarshal([]byte(read(t, "grafana/dashboards/seqd.json")), &dashboard); err != nil {
		t.Fatal(err)
	}
	queries := 0
	var check func([]panel)
	check = func(panels []panel) {
		for _, p := range panels {
			check(p.Panels)
			if p.Type != "row" && len(p.Targets) == 0 {
				t.Errorf("panel %q asks for nothing", p.Title)
			}
			for _, target := range p.Targets {
				queries++
				checkQuery(t, "panel "+p.Title, target.Expr, real)
			}
		}
	}
	check(dashboard.Panels)
	if queries < 20 {
		t.Errorf("only %d queries were found", queries)
	}
	var variables []string
	for _, v := range dashboard.Templating.List {
		variables = append(variables, v.Name)
		if q, ok := v.Query.(map[string]any); ok {
			checkQuery(t, "variable "+v.Name, q["query"].(string), real)
		}
	}
	for _, want := range []string{"job", "instance", "store"} {
		if !slices.Contains(variables, want) {
			t.Errorf("there is no variable %s, only %v", want, variables)
		}
	}
}

// All that the alerts ask for is there, and each has a place in the operator's
// page.
func TestAlertQueries(t *testing.T) {
	real := expose(t)
	rules := read(t, "prometheus/rules.yml")
	names := regexp.MustCompile(`(?m)^ *- alert: (\w+)`).FindAllStringSubmatch(rules, -1)
	if len(names) < 10 {
		t.Errorf("only %d alerts were found", len(names))
	}
	checkQuery(t, "rules.yml", rules, real)
	page, err := os.ReadFile(deploy + "OPERATIONS.md")
	for _, m := range names {
		anchor := strings.ToLower(m[1])
		if !strings.Contains(rules, "OPERATIONS.md#"+anchor+"\n") {
			t.Errorf("%s has no runbook_url that ends in #%s", m[1], anchor)
		}
		if err == nil && !regexp.MustCompile(`(?mi)^#+ `+anchor+`$`).Match(page) {
			t.Errorf("OPERATIONS.md has no heading %s", m[1])
		}
	}
}
