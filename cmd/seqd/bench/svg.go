package bench

import (
	"fmt"
	"html"
	"strings"
)

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
	s.text((x.from+x.to)/2, y.from+38, `text-anchor="middle"`, "requests per second")
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
