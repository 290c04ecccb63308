package bench

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Sizes of the plot, in px.
const (
	panelsWidth = 1000 // of all panels, if each has at least panelWidth
	panelWidth  = 400
	panelHeight = 440
	marginLeft  = 64
	marginTop   = 78
	marginRight = 44
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
		return errors.New("plot: nothing was measured; let it run longer")
	}
	x, y := c.scales()
	panel := max(panelsWidth/len(panels), panelWidth)
	width := marginLeft + len(panels)*panel
	legendTop := marginTop + panelHeight + axisHeight + 8
	columns := max(1, width/420)
	height := legendTop + (len(peers)+columns-1)/columns*legendRow + 2*legendRow + 12

	s := &svg{}
	s.printf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="Helvetica, Arial, sans-serif" font-size="13">`, width, height, width, height)
	s.printf(`<rect width="100%%" height="100%%" fill="#ffffff"/>`)
	s.text(float64(marginLeft), 24, `font-size="17" font-weight="bold"`, "Latency against rate: "+c.callers())
	s.text(float64(marginLeft), 44, `fill="#555555"`, c.Machine.String()+"; everything in one process")
	for i, keys := range panels {
		x.from, x.to = float64(marginLeft+i*panel), float64(marginLeft+(i+1)*panel-marginRight)
		y.from, y.to = marginTop+panelHeight, marginTop
		s.text((x.from+x.to)/2, marginTop-10, `text-anchor="middle" font-weight="bold"`, Counted(keys, "key"))
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
		s.text(left+36, top+4, "", fmt.Sprintf("%s (%s)", peer.title(), peer.Durability))
	}
	for i, note := range []string{
		"Solid lines, full marks: p50. Dashed lines, open marks: p99. Each goes from the fewest callers, at the bottom, to the most.",
		"In brackets: the durability of an answer. Medians of " + Counted(c.Rounds, "round") + ".",
	} {
		s.text(float64(marginLeft), float64(height-34+i*18), `fill="#555555"`, note)
	}
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
