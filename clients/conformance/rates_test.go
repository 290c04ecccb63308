package conformance_test

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// What callers do in a rate. The last one is a NATS request without the SDK.
const (
	eachItsOwn = "a request each"
	bySequence = "by one sequence"
	bare       = "bare NATS requests"
)

func rateName(mode, calls string) string {
	return fmt.Sprintf("ids/s, %s, 64 callers, one connection, %s", mode, calls)
}

// rateOf measures the SDKs in turns, so that drift hits all alike, and returns
// the medians, beside the first one's: Go's. A round before those is not counted.
func rateOf(t *testing.T, sdks []*sdk, mode, calls string) (cells []string) {
	const rounds = 3
	measured := make([][]float64, len(sdks))
	for round := range 1 + rounds {
		for i, c := range sdks {
			r, err := c.do(command{
				Op: "rate", Store: weakStore, Key: c.name + ".rate", N: 1, Mode: mode,
				Callers: 64, DurationMs: int(rates.Milliseconds()), Sequence: calls == bySequence, Bare: calls == bare,
			}, *rates+10*time.Second)
			if err == nil && r.IdsPerSecond <= 0 {
				err = fmt.Errorf("no rate: %s %s", r.Error, r.Text)
			}
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			if round > 0 { // in the first one Java and JavaScript still compile
				measured[i] = append(measured[i], r.IdsPerSecond)
			}
		}
	}
	for _, m := range measured {
		slices.Sort(m)
		median := m[rounds/2]
		cells = append(cells, fmt.Sprintf("%.0f (%.2f)", median, median/measured[0][rounds/2]))
	}
	return cells
}
