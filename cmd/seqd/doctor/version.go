package doctor

import (
	"strconv"
	"strings"
)

// The oldest servers that seqd is made for and tested with.
const (
	leastNATS = "2.15.0"
	leastEtcd = "3.7.3"
)

// older reports whether a version is older than least, both major.minor.patch;
// what follows the numbers does not count. What is no version is older.
func older(version, least string) bool {
	v, w := numbers(version), numbers(least)
	for i := range w {
		if v[i] != w[i] {
			return v[i] < w[i]
		}
	}
	return false
}

func numbers(version string) (n [3]int) {
	for i, part := range strings.SplitN(strings.TrimPrefix(version, "v"), ".", len(n)) {
		digits := strings.IndexFunc(part, func(r rune) bool { return r < '0' || r > '9' })
		if digits < 0 {
			digits = len(part)
		}
		n[i], _ = strconv.Atoi(part[:digits]) // none are 0
	}
	return n
}
