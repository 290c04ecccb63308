package top

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/seqd-io/seqd/cmd/seqd/cmdline"
	"github.com/seqd-io/seqd/worker"
)

// Layout says how a frame is to be drawn.
type Layout struct {
	Width, Height int    // 0: as wide, as high as it gets
	Title         string // the first line
	Sort          string // what the rows are sorted by
	Problem       string // what keeps the view from being new; "": nothing
	Color         bool   // by ANSI escapes, which take no width
}

// Frame draws the view, as lines without an end. It depends on nothing else.
func (v View) Frame(l Layout) []string {
	v.Workers, v.Stores = slices.Clone(v.Workers), slices.Clone(v.Stores)
	v.Sort(l.Sort)
	lines := []string{l.Title}
	if t := v.Total; t.Workers > 0 {
		lines = append(lines, fmt.Sprintf("workers %d, serving %d   %s req/s   %s ids/s   %s err/s   mean %s   in flight %d", t.Workers, t.Serving,
			rate(func(r Row) float64 { return r.Requests })(t), rate(func(r Row) float64 { return r.IDs })(t),
			rate(func(r Row) float64 { return r.Errors })(t), mean(t), t.Waiting))
	}
	if l.Problem != "" {
		lines = append(lines, l.paint(red, fit(cmdline.Plain(l.Problem), l.Width)))
	}
	lines = append(lines, "")
	room := l.Height - len(lines)
	switch {
	case len(v.Workers) == 0:
	case l.Height <= 0:
		lines = append(lines, l.table(workerColumns, v.Workers, 0)...)
		lines = append(lines, "")
		lines = append(lines, l.table(storeColumns, v.Stores, 0)...)
	case room < leastForBoth:
		lines = append(lines, l.table(workerColumns, v.Workers, room)...)
	default: // the stores may take what the workers leave, or else half
		stores := min(len(v.Stores)+1, max(room/2, room-len(v.Workers)-2))
		lines = append(lines, l.table(workerColumns, v.Workers, room-1-stores)...)
		lines = append(lines, "")
		lines = append(lines, l.table(storeColumns, v.Stores, stores)...)
	}
	for i := range lines {
		if !strings.HasPrefix(lines[i], escape) {
			lines[i] = fit(lines[i], l.Width)
		}
	}
	if l.Height > 0 && len(lines) > l.Height {
		lines = lines[:max(l.Height, 0)]
	}
	return lines
}

// leastForBoth is how many lines two tables take: each a head and two more, and
// one between.
const leastForBoth = 7

// table draws rows in at most height lines, where the layout has a height, the
// head and the rest's number included.
func (l Layout) table(columns []column, rows []Row, height int) []string {
	columns = slices.DeleteFunc(slices.Clone(columns), func(c column) bool { return c.when != nil && !slices.ContainsFunc(rows, c.when) })
	left := 0
	if l.Height > 0 && len(rows)+1 > height {
		keep := max(height-2, 0)
		rows, left = rows[:keep], len(rows)-keep
	}
	cells := make([][]string, len(rows))
	widths := make([]int, len(columns))
	for i, c := range columns {
		widths[i] = utf8.RuneCountInString(c.title(l.Sort))
		for j, r := range rows {
			if cells[j] == nil {
				cells[j] = make([]string, len(columns))
			}
			cells[j][i] = cmdline.Plain(c.cell(r)) // others say what their names are
			widths[i] = max(widths[i], utf8.RuneCountInString(cells[j][i]))
		}
	}
	narrow(columns, widths, l.Width)
	head := make([]string, len(columns))
	for i, c := range columns {
		head[i] = c.title(l.Sort)
	}
	lines := []string{l.paint(bold, line(columns, widths, head))}
	for j, r := range rows {
		text := line(columns, widths, cells[j])
		if r.State != string(worker.Serving) || r.late() {
			text = l.paint(red, text)
		}
		lines = append(lines, text)
	}
	if left > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", left))
	}
	return lines
}

const (
	gap       = 2  // between columns
	longName  = 24 // what a name is shortened to before a column goes: a worker's id is shorter
	shortName = 8  // and what it is shortened to after
)

// narrow shortens the first column, and makes others 0 wide, until the rest fits.
func narrow(columns []column, widths []int, width int) {
	if width <= 0 {
		return
	}
	name := widths[0]
	for rank := firstToGo; ; rank-- {
		over := -gap - width
		for _, w := range widths {
			if w > 0 {
				over += w + gap
			}
		}
		least := longName
		if rank == 0 {
			least = shortName
		}
		if over <= 0 || name-over >= least || rank == 0 {
			widths[0] = max(name-max(over, 0), min(name, least))
			return
		}
		for i, c := range columns {
			if c.drop == rank {
				widths[i] = 0
			}
		}
	}
}

func line(columns []column, widths []int, cells []string) string {
	var b strings.Builder
	for i, c := range columns {
		if widths[i] == 0 {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(strings.Repeat(" ", gap))
		}
		text := fit(cells[i], widths[i])
		pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text))
		if c.left {
			b.WriteString(text + pad)
		} else {
			b.WriteString(pad + text)
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// fit cuts text to width; 0 or less: not at all.
func fit(text string, width int) string {
	if width <= 0 || utf8.RuneCountInString(text) <= width {
		return text
	}
	return string([]rune(text)[:width-1]) + "…"
}

const (
	escape = "\x1b["
	bold   = escape + "1m"
	red    = escape + "31m"
	plain  = escape + "0m"
)

func (l Layout) paint(color, text string) string {
	if !l.Color {
		return text
	}
	return color + fit(text, l.Width) + plain
}
