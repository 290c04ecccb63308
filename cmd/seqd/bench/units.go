package bench

import (
	"fmt"
	"math"
	"strconv"
)

// thousands writes a number for people: 1 234 567.
func thousands(x float64) string {
	s := strconv.FormatFloat(math.Round(x), 'f', -1, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}

// us writes µs for people, to three digits.
func us(x float64) string {
	switch {
	case x <= 0:
		return "-"
	case x < 999.5:
		return digits(x) + " µs"
	case x < 999.5e3:
		return digits(x/1e3) + " ms"
	default:
		return digits(x/1e6) + " s"
	}
}

// digits writes a number below 1000, or a little above, to three digits.
func digits(x float64) string {
	switch {
	case x < 9.995:
		return fmt.Sprintf("%.2f", x)
	case x < 99.95:
		return fmt.Sprintf("%.1f", x)
	default:
		return fmt.Sprintf("%.0f", x)
	}
}

// Counted writes "1 key" and "2 keys".
func Counted(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return thousands(float64(n)) + " " + noun
}
