package conformance_test

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// What callers do in a rate.
const (
	eachItsOwn = "a request each"
	bySequence = "by one sequence"
	bare       = ", bare" // the same without the SDK, by the NATS library alone
)

func rateName(mode, calls string) string {
	return fmt.Sprintf("ids/s, %s, 64 callers, one connection, %s", mode, calls)
}

// ratesOf measures the SDKs, and beside each what its language reaches without it.
// They take turns, so that drift hits all alike. It returns the medians of the
// rounds, each with the medians of what the rounds say of it beside Go and beside
// bare.
func ratesOf(t *testing.T, sdks []*sdk, mode, calls string) (withSDK, without []string) {
	const rounds = 5
	type round struct{ rate, bare float64 }
	measured := make([][rounds]round, len(sdks))
	for n := range 1 + rounds {
		for i, c := range sdks {
			r := round{rateOf(t, c, mode, calls, false), rateOf(t, c, mode, calls, true)}
			if n > 0 { // in the first one Java and JavaScript still compile
				measured[i][n-1] = r
			}
		}
	}
	for i := range sdks {
		median := func(of func(own, golang round) float64) float64 {
			var all []float64
			for n, own := range measured[i] {
				all = append(all, of(own, measured[0][n]))
			}
			slices.Sort(all)
			return all[rounds/2]
		}
		withSDK = append(withSDK, fmt.Sprintf("%.0f (%.2f; %.2f of bare)",
			median(func(own, _ round) float64 { return own.rate }),
			median(func(own, golang round) float64 { return own.rate / golang.rate }),
			median(func(own, _ round) float64 { return own.rate / own.bare })))
		without = append(without, fmt.Sprintf("%.0f (%.2f)",
			median(func(own, _ round) float64 { return own.bare }),
			median(func(own, golang round) float64 { return own.bare / golang.bare })))
	}
	return withSDK, without
}

// rateOf measures one SDK, or what its language reaches without it.
func rateOf(t *testing.T, c *sdk, mode, calls string, bare bool) float64 {
	r, err := c.do(command{
		Op: "rate", Store: weakStore, Key: c.name + ".rate", N: 1, Mode: mode,
		Callers: 64, DurationMs: int(rates.Milliseconds()), Sequence: calls == bySequence, Bare: bare,
	}, *rates+10*time.Second)
	if err == nil && r.IdsPerSecond <= 0 {
		err = fmt.Errorf("no rate: %s %s", r.Error, r.Text)
	}
	if err != nil {
		t.Errorf("%s: %v", c.name, err)
	}
	return r.IdsPerSecond
}
