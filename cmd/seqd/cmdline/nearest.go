package cmdline

import "strings"

// DidYouMean returns what to add to the error about a word that is none of those
// that there are, "" where none of them is like it.
func DidYouMean(word string, of []string) string {
	if near := Nearest(word, of); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}

// Nearest returns the one of some words that a person most likely meant by another,
// "" for none. A word of up to five letters may have one slip of the hand, and a
// longer one two: a letter too many, one too few, a wrong one, or two that have
// changed places.
func Nearest(word string, of []string) string {
	best, slips := "", 1
	if len(word) > 5 {
		slips = 2
	}
	for _, w := range of {
		if n := distance(strings.ToLower(word), strings.ToLower(w)); n <= slips && n < len(w) {
			if best == "" || n < slips {
				best = w
			}
			slips = n
		}
	}
	return best
}

// distance is how many slips of the hand make b of a. Each row of the table holds
// those between the first letters of a and each beginning of b.
func distance(a, b string) int {
	var before []int // the row above the last
	last := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			wrong := last[j]
			if a[i] != b[j] {
				wrong++
			}
			row[j+1] = min(wrong, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
