package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// WriteJSON writes a report or a comparison for machines: rates per second,
// latencies in µs.
func WriteJSON(w io.Writer, report any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(report)
}

// Write writes the report for people.
func (r *Report) Write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s, %s, %s, %.1f s measured\n", r.Peer, Counted(r.Callers, "caller"), Counted(r.Keys, "key"), Counted(r.Connections, "connection"), r.Seconds)
	fmt.Fprintf(&b, "durability: %s\n", r.Durability)
	fmt.Fprintf(&b, "asked from: %s\n\n", r.Machine)
	table(&b, []string{"requests/s", "ids/s", "p50", "p90", "p99", "max", "errors"},
		[][]string{{thousands(r.Rate), thousands(r.IDs), us(r.P50), us(r.P90), us(r.P99), us(r.Max), total(r.Errors)}})
	if len(r.failures) > 0 {
		fmt.Fprintln(&b)
	}
	for _, code := range r.failures.codes() {
		fmt.Fprintf(&b, "%s %s: %s\n", thousands(float64(r.failures[code].count)), code, r.failures[code].text)
	}
	if r.Violation == "" {
		fmt.Fprintf(&b, "\n%s checked: %s", Counted(int(r.Checked), "answer"), r.CheckedFor)
		if r.forgot {
			fmt.Fprint(&b, " (against the latest ids only: others take ids of these keys too)")
		}
		fmt.Fprintln(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Write writes the comparison for people: a table per load, and what was checked.
func (c *Comparison) Write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "medians of %s of %.2g s each; \"of echo\" is the rate or p50 divided by echo's in the same round; %s for each peer\n", Counted(c.Rounds, "round"), c.Slice, Counted(c.Connections, "connection"))
	where := "asked from here"
	if c.OneProcess {
		where = "everything in one process"
	}
	fmt.Fprintf(&b, "%s; %s\n", c.Machine, where)
	for rest := c.Rows; len(rest) > 0; {
		load := rest[0].Load
		n := slices.IndexFunc(rest, func(r *Row) bool { return r.Load != load })
		if n < 0 {
			n = len(rest)
		}
		fmt.Fprintf(&b, "\n%s, %s\n\n", Counted(load.Callers, "caller"), Counted(load.Keys, "key"))
		var lines [][]string
		for _, r := range rest[:n] {
			lines = append(lines, []string{r.title(), r.Durability, thousands(r.Rate), ratio(r.ToEcho), us(r.P50), ratio(r.P50ToEcho), us(r.P90), us(r.P99), us(r.Max), total(r.Errors)})
		}
		table(&b, []string{"peer", "durability", "requests/s", "of echo", "p50", "of echo", "p90", "p99", "max", "errors"}, lines)
		rest = rest[n:]
	}
	c.writeGoals(&b)
	for i, text := range c.failures {
		if i == 0 {
			fmt.Fprintln(&b)
		}
		fmt.Fprintln(&b, text)
	}
	if c.Violation == "" {
		fmt.Fprintln(&b)
		for _, check := range c.Checks {
			fmt.Fprintf(&b, "%s, %s checked: %s\n", title(check.Peer, check.Workers), Counted(int(check.Answers), "answer"), check.For)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Row) title() string { return title(r.Peer, r.Workers) }

// title names a peer where there may be more than one worker.
func title(peer string, workers int) string {
	if workers < 2 {
		return peer
	}
	return fmt.Sprintf("%s, %d workers", peer, workers)
}

func ratio(x float64) string {
	if x == 0 {
		return "-"
	}
	switch {
	case x < 0.1:
		return fmt.Sprintf("%.3f", x)
	case x >= 10:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.2f", x)
}

// total writes failures in short: 3 TIMEOUT, 1 BUSY.
func total(errors map[string]int64) string {
	var parts []string
	for code, n := range errors {
		parts = append(parts, fmt.Sprintf("%s %s", thousands(float64(n)), code))
	}
	if len(parts) == 0 {
		return "0"
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

// table writes columns; numbers in them are read with their units, so all are
// set left.
func table(w io.Writer, head []string, lines [][]string) {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, line := range append([][]string{head}, lines...) {
		fmt.Fprintln(t, strings.Join(line, "\t"))
	}
	t.Flush()
}

// String says what matters to a figure.
func (m Machine) String() string {
	text := fmt.Sprintf("%s/%s, %s, %s", m.OS, m.Arch, Counted(m.Cores, "core"), m.Go)
	for _, part := range []string{"nats.go", "nats-server", "etcd"} {
		if v, ok := m.Versions[part]; ok {
			text += fmt.Sprintf(", %s %s", part, v)
		}
	}
	if m.Fsync > 0 {
		text += ", fsync " + us(m.Fsync)
	}
	return text
}
