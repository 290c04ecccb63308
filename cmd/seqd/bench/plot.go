package bench

import (
	"fmt"
	"html"
	"io"
	"math"
	"slices"
	"strings"
)

// Sizes of the plot, in px.
const (
	panelWidth  = 470
	panelHeight = 440
	marginLeft  = 64
	marginTop   = 78
	marginRight = 24
	axisHeight  = 52
	legendRow   = 22
)

// A peer's colour and mark; the colours can be told apart by the colour-blind.
var styles = []struct{ colour, mark string }{
	{"#000000", "circle"},
	{"#0072B2", "square"},
	{"#D55E00", "circle"},
	{"#CC79A7", "triangle"},
	{"#882255", "square"},
	{"#009E73", "diamond"},
	{"#E69F00", "triangle"},
	{"#56B4E9", "diamond"},
}

// WritePlot writes an SVG of latency against rate: a panel for each number of
// keys, and in it for each peer a line through its p50 and one through its p99,
// from the fewest callers to the most.
func (c *Comparison) WritePlot(w io.Writer) error {
	panels, peers := c.panels()
	if len(panels) == 0 {
		return fmt.Errorf("plot: nothing was measured")
	}
	x, y := c.scales()
	width := marginLeft + len(panels)*panelWidth
	legendTop := marginTop + panelHeight + axisHeight + 8
	columns := max(1, width/400)
	height := legendTop + (len(peers)+columns-1)/columns*legendRow + legendRow + 16

	s := &svg{}
	s.printf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="Helvetica, Arial, sans-serif" font-size="13">`, width, height, width, height)
	s.printf(`<rect width="100%%" height="100%%" fill="#ffffff"/>`)
	s.text(float64(marginLeft), 24, `font-size="17" font-weight="bold"`, "Latency against rate: "+c.callers())
	s.text(float64(marginLeft), 44, `fill="#555555"`, c.Machine.String()+"; all parts on this machine")
	for i, keys := range panels {
		x.from, x.to = float64(marginLeft+i*panelWidth), float64(marginLeft+(i+1)*panelWidth-marginRight)
		y.from, y.to = marginTop+panelHeight, marginTop
		s.text((x.from+x.to)/2, marginTop-10, `text-anchor="middle" font-weight="bold"`, counted(keys, "key"))
		s.axes(x, y, i == 0)
		for j, peer := range peers {
			s.lines(x, y, styles[j%len(styles)].colour, styles[j%len(styles)].mark, c.line(peer, keys))
		}
	}
	for j, peer := range peers {
		left := float64(marginLeft + j%columns*(width-marginLeft)/columns)
		top := float64(legendTop + j/columns*legendRow)
		style := styles[j%len(styles)]
		s.printf(`<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="2"/>`, left, top, left+28, top, style.colour)
		s.mark(style.mark, left+14, top, style.colour, style.colour)
		s.text(left+36, top+4, "", fmt.Sprintf("%s (durable by: %s)", peer.title(), peer.Durability))
	}
	bottom := float64(height - 18)
	s.text(float64(marginLeft), bottom, `fill="#555555"`, "solid line, full marks: p50; dashed line, open marks: p99. Medians of "+counted(c.Rounds, "round")+".")
	s.printf(`</svg>`)
	_, err := io.WriteString(w, s.String())
	return err
}

// panels returns the numbers of keys, and a row of each peer, in order.
func (c *Comparison) panels() (keys []int, peers []*Row) {
	for _, r := range c.Rows {
		if r.Rate == 0 {
			continue
		}
		if !slices.Contains(keys, r.Keys) {
			keys = append(keys, r.Keys)
		}
		if !slices.ContainsFunc(peers, r.samePeer) {
			peers = append(peers, r)
		}
	}
	slices.Sort(keys)
	return keys, peers
}

func (r *Row) samePeer(other *Row) bool { return r.ID == other.ID && r.Workers == other.Workers }

// callers says what the points of a line are.
func (c *Comparison) callers() string {
	var all []int
	for _, r := range c.Rows {
		if !slices.Contains(all, r.Callers) {
			all = append(all, r.Callers)
		}
	}
	slices.Sort(all)
	var texts []string
	for _, n := range all {
		texts = append(texts, thousands(float64(n)))
	}
	return strings.Join(texts, ", ") + " callers"
}

// line returns a peer's rows, by callers.
func (c *Comparison) line(peer *Row, keys int) []*Row {
	var rows []*Row
	for _, r := range c.Rows {
		if r.samePeer(peer) && r.Keys == keys && r.Rate > 0 {
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(a, b *Row) int { return a.Callers - b.Callers })
	return rows
}

// scales returns axes that hold every row.
func (c *Comparison) scales() (rate, latency axis) {
	rate, latency = emptyAxis(), emptyAxis()
	for _, r := range c.Rows {
		if r.Rate > 0 {
			rate.hold(r.Rate)
			latency.hold(r.P50)
			latency.hold(r.P99)
		}
	}
	rate.round()
	latency.round()
	return rate, latency
}

// axis is a logarithmic axis: low and high, at from and to px.
type axis struct{ low, high, from, to float64 }

func emptyAxis() axis { return axis{low: math.Inf(1), high: 0} }

func (a *axis) hold(v float64) {
	if v > 0 {
		a.low, a.high = min(a.low, v), max(a.high, v)
	}
}

// round widens the axis to ticks.
func (a *axis) round() {
	low := math.Pow(10, math.Floor(math.Log10(a.low)))
	for _, m := range []float64{5, 2} {
		if m*low <= a.low {
			low *= m
			break
		}
	}
	high := math.Pow(10, math.Ceil(math.Log10(a.high)))
	for _, m := range []float64{0.2, 0.5} {
		if m*high >= a.high {
			high *= m
			break
		}
	}
	a.low, a.high = low, max(high, 2*low)
}

// ticks returns 1, 2 and 5 of each decade.
func (a axis) ticks() []float64 {
	var ticks []float64
	for decade := math.Floor(math.Log10(a.low)); ; decade++ {
		for _, m := range []float64{1, 2, 5} {
			switch v := m * math.Pow(10, decade); {
			case v > a.high*1.001:
				return ticks
			case v > a.low*0.999:
				ticks = append(ticks, v)
			}
		}
	}
}

func (a axis) at(v float64) float64 {
	return a.from + (a.to-a.from)*(math.Log(v)-math.Log(a.low))/(math.Log(a.high)-math.Log(a.low))
}

// svg is a drawing under way.
type svg struct{ strings.Builder }

func (s *svg) printf(format string, args ...any) { fmt.Fprintf(s, format+"\n", args...) }

func (s *svg) text(x, y float64, attributes, text string) {
	s.printf(`<text x="%.1f" y="%.1f" %s>%s</text>`, x, y, attributes, html.EscapeString(text))
}

func (s *svg) axes(x, y axis, first bool) {
	for _, v := range x.ticks() {
		at := x.at(v)
		s.printf(`<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="#dddddd"/>`, at, y.from, at, y.to)
		s.text(at, y.from+18, `text-anchor="middle" font-size="11"`, short(v))
	}
	for _, v := range y.ticks() {
		at := y.at(v)
		s.printf(`<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="#dddddd"/>`, x.from, at, x.to, at)
		if first {
			s.text(x.from-6, at+4, `text-anchor="end" font-size="11"`, round(v))
		}
	}
	s.printf(`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="none" stroke="#555555"/>`, x.from, y.to, x.to-x.from, y.from-y.to)
	s.text((x.from+x.to)/2, y.from+38, `text-anchor="middle"`, "ids per second")
	if first {
		s.printf(`<text transform="translate(14 %.1f) rotate(-90)" text-anchor="middle">latency</text>`, (y.from+y.to)/2)
	}
}

// lines draws one peer's p50 and p99.
func (s *svg) lines(x, y axis, colour, mark string, rows []*Row) {
	for _, l := range []struct {
		of         func(*Row) float64
		dash, fill string
	}{
		{func(r *Row) float64 { return r.P99 }, ` stroke-dasharray="5 4" stroke-opacity="0.7"`, "#ffffff"},
		{func(r *Row) float64 { return r.P50 }, "", colour},
	} {
		var points []string
		for _, r := range rows {
			points = append(points, fmt.Sprintf("%.1f,%.1f", x.at(r.Rate), y.at(l.of(r))))
		}
		s.printf(`<polyline points="%s" fill="none" stroke="%s" stroke-width="2"%s/>`, strings.Join(points, " "), colour, l.dash)
		for _, r := range rows {
			s.mark(mark, x.at(r.Rate), y.at(l.of(r)), colour, l.fill)
		}
	}
}

func (s *svg) mark(kind string, x, y float64, stroke, fill string) {
	const r = 4.5
	style := fmt.Sprintf(`stroke="%s" fill="%s" stroke-width="1.5"`, stroke, fill)
	switch kind {
	case "square":
		s.printf(`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" %s/>`, x-r+0.5, y-r+0.5, 2*r-1, 2*r-1, style)
	case "triangle":
		s.printf(`<polygon points="%.1f,%.1f %.1f,%.1f %.1f,%.1f" %s/>`, x, y-r-0.5, x-r, y+r-0.5, x+r, y+r-0.5, style)
	case "diamond":
		s.printf(`<polygon points="%.1f,%.1f %.1f,%.1f %.1f,%.1f %.1f,%.1f" %s/>`, x, y-r-1, x+r, y, x, y+r+1, x-r, y, style)
	default:
		s.printf(`<circle cx="%.1f" cy="%.1f" r="%.1f" %s/>`, x, y, r, style)
	}
}

// short writes a tick of rates: 20k.
func short(v float64) string {
	if v >= 1000 {
		return fmt.Sprintf("%.3gk", v/1000)
	}
	return fmt.Sprintf("%.3g", v)
}

// round writes a tick of latencies, in µs: 5 ms.
func round(v float64) string {
	switch {
	case v >= 0.999e6:
		return fmt.Sprintf("%.3g s", v/1e6)
	case v >= 999:
		return fmt.Sprintf("%.3g ms", v/1e3)
	default:
		return fmt.Sprintf("%.3g µs", v)
	}
}
