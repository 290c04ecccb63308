package bench

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
)

func TestPlot(t *testing.T) {
	c := &Comparison{Rounds: 5, Machine: Machine{OS: "linux", Arch: "amd64", Cores: 2, Fsync: 158}}
	if err := c.WritePlot(io.Discard); err == nil {
		t.Error("nothing was plotted")
	}
	for _, load := range []Load{{1, 1}, {16, 1}, {1, 256}, {16, 256}} {
		for i, id := range []string{"echo", "strong", "a<b>"} {
			rate := float64(1000 * (i + 1) * load.Callers)
			c.Rows = append(c.Rows, &Row{ID: id, Peer: id, Durability: "none", Load: load, Figures: Figures{Rate: rate, P50: 1e6 / rate, P99: 2e6 / rate}})
		}
	}
	c.Rows = append(c.Rows, &Row{ID: "dead", Peer: "dead", Load: Load{1, 1}}) // had no answer
	var b bytes.Buffer
	if err := c.WritePlot(&b); err != nil {
		t.Fatal(err)
	}
	texts, elements := parseSVG(t, b.Bytes())
	for _, want := range []string{"1 key", "256 keys", "requests per second", "latency", "echo (none)", "a<b> (none)", "1 ms", "10k",
		"Latency against rate: 1, 16 callers", "linux/amd64, 2 cores, , fsync 158 µs; everything in one process"} {
		if !slices.Contains(texts, want) {
			t.Errorf("no %q among %q", want, texts)
		}
	}
	if strings.Contains(b.String(), "dead") || strings.Contains(b.String(), "NaN") || strings.Contains(b.String(), "Inf") {
		t.Error("what was not measured was plotted")
	}
	if elements["polyline"] != 2*2*3 {
		t.Errorf("%d lines", elements["polyline"])
	}
}

func parseSVG(t *testing.T, data []byte) (texts []string, elements map[string]int) {
	t.Helper()
	elements = map[string]int{}
	d := xml.NewDecoder(bytes.NewReader(data))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return texts, elements
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			elements[token.Name.Local]++
		case xml.CharData:
			texts = append(texts, strings.TrimSpace(string(token)))
		}
	}
}

func TestAxis(t *testing.T) {
	for _, test := range []struct{ low, high, wantLow, wantHigh float64 }{
		{1, 10, 1, 10}, {3, 40, 2, 50}, {56, 56, 50, 100}, {1100, 160_000, 1000, 200_000}, {7, 7, 5, 10},
	} {
		a := emptyAxis()
		a.hold(0) // not measured
		a.hold(test.low)
		a.hold(test.high)
		a.round()
		if math.Abs(a.low/test.wantLow-1) > 1e-9 || math.Abs(a.high/test.wantHigh-1) > 1e-9 {
			t.Errorf("%+v: got %v to %v", test, a.low, a.high)
		}
		ticks := a.ticks()
		if len(ticks) < 2 || math.Abs(ticks[0]/a.low-1) > 1e-9 || math.Abs(ticks[len(ticks)-1]/a.high-1) > 1e-9 {
			t.Errorf("%+v: ticks %v", test, ticks)
		}
	}
	a := axis{low: 1, high: 100, from: 200, to: 0}
	if got := a.at(10); math.Abs(got-100) > 1e-9 {
		t.Errorf("10 is at %v", got)
	}
}
