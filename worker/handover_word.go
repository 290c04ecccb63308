package worker

import "time"

// A word says which requests of a message were taken: its version, then wordAll,
// wordNone, wordLate, or wordSome and a bit for each request that was not; and then,
// by the clock of who has written it, when that was.
const (
	wordAll byte = iota
	wordNone
	wordSome
	wordLate // none, only because they had waited for too long: who says so serves
)

// appendWord writes the word about count requests, of which refused were not
// taken.
func appendWord(b []byte, count int, refused []int) []byte {
	switch len(refused) {
	case 0:
		return append(b, wireVersion, wordAll)
	case count:
		return append(b, wireVersion, wordNone)
	}
	b = append(b, wireVersion, wordSome)
	at := len(b)
	b = append(b, make([]byte, (count+7)/8)...)
	for _, i := range refused {
		b[at+i/8] |= 1 << (i % 8)
	}
	return b
}

// word is what is said of a message. The zero value is not for use.
type word struct {
	all     bool
	late    bool          // none was taken, and may be if it is sent again
	refused []byte        // nil and not all: none was taken
	clock   time.Duration // 0: it does not say
}

// readWord reads the word about count requests. What can't be read says that none
// was taken.
func readWord(b []byte, count int) (w word) {
	if len(b) < 2 || b[0] != wireVersion {
		return w
	}
	size := 2
	if b[1] == wordSome {
		size += (count + 7) / 8
	}
	switch len(b) - size {
	case 0:
	case clockLen:
		w.clock = readClock(b[size:])
	default:
		return w
	}
	switch b[1] {
	case wordAll:
		w.all = true
	case wordLate:
		w.late = true
	case wordSome:
		w.refused = b[2:size]
	}
	return w
}

// took reports whether the request with that number was taken.
func (w word) took(i int) bool {
	return w.all || w.refused != nil && w.refused[i/8]&(1<<(i%8)) == 0
}
