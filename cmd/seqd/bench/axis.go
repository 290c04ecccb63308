package bench

import (
	"fmt"
	"math"
)

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

// short writes a tick of rates: 20k.
func short(v float64) string {
	if v >= 0.999e6 {
		return fmt.Sprintf("%.3gM", v/1e6)
	}
	if v >= 999 {
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
