package numbering

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// part is a piece of a format: text, or what stands in braces.
type part struct {
	kind  partKind
	text  string // what is printed of partText; else as it is written in the format
	width int    // digits; 0: as many as the id has
}

type partKind uint8

const (
	partText partKind = iota
	partID
	partBase32
	partScramble
	partPeriod
	partYear4
	partYear2
	partMonth
	partDay
	partWeek
	partLuhn
	partDamm
)

// words are the parts that have no number in them.
var words = map[string]part{
	"id":         {kind: partID},
	"id:base32":  {kind: partBase32},
	"period":     {kind: partPeriod},
	"yyyy":       {kind: partYear4, width: 4},
	"yy":         {kind: partYear2, width: 2},
	"mm":         {kind: partMonth, width: 2},
	"dd":         {kind: partDay, width: 2},
	"ww":         {kind: partWeek, width: 2},
	"check:luhn": {kind: partLuhn, width: 1},
	"check:damm": {kind: partDamm, width: 1},
}

const allParts = "{id} {id:06} {id:base32} {scramble:10} {period} {yyyy} {yy} {mm} {dd} {ww} {check:luhn} {check:damm}"

// How many digits an id may have. Those that are scrambled are more than five,
// because SP 800-38G wants a million numbers at least to choose from.
const (
	mostDigits       = 15
	leastScrambled   = 6
	digitsOfBase32   = 13 // that an int64 has at most
	digitsOfDecimals = 19
)

// powersOfTen has 10 to the n at n.
var powersOfTen = func() (all [mostDigits + 1]int64) {
	all[0] = 1
	for i := range mostDigits {
		all[i+1] = 10 * all[i]
	}
	return
}()

// isID reports whether a part prints the id.
func (p part) isID() bool { return p.kind == partID || p.kind == partBase32 || p.kind == partScramble }

// bytes returns how many bytes a part prints: 0 of an id that has no width.
func (p part) bytes(c calendar) int {
	switch p.kind {
	case partText:
		return len(p.text)
	case partPeriod:
		return len(c.names(1).label)
	}
	return p.width
}

func has(parts []part, kinds ...partKind) bool {
	for _, p := range parts {
		for _, k := range kinds {
			if p.kind == k {
				return true
			}
		}
	}
	return false
}

// parseFormat takes a format apart. Whether the parts make sense together it does
// not say.
func parseFormat(format string) ([]part, error) {
	wrong := func(part, text string, args ...any) error {
		return &PartError{Setting: "format", Part: part, Text: fmt.Sprintf(text, args...)}
	}
	switch {
	case len(format) > MaxFormat:
		return nil, wrong("", "must have at most %d bytes, not %d", MaxFormat, len(format))
	case !utf8.ValidString(format):
		return nil, wrong("", "is not text in UTF-8")
	case strings.TrimSpace(format) != format:
		return nil, wrong("", "begins or ends with a blank, which nobody would see in print")
	}
	var parts []part
	var text strings.Builder
	endText := func() {
		if text.Len() > 0 {
			parts = append(parts, part{text: text.String()})
			text.Reset()
		}
	}
	for rest := format; rest != ""; {
		c, size := utf8.DecodeRuneInString(rest)
		switch {
		case strings.HasPrefix(rest, "{{") || strings.HasPrefix(rest, "}}"):
			size = 2
			text.WriteRune(c)
		case c == '}':
			return nil, wrong("", "has a } that ends no part: write }} to have it printed")
		case c == '{':
			word, _, closed := strings.Cut(rest[1:], "}")
			if !closed || strings.Contains(word, "{") {
				return nil, wrong("", "has a { that begins no part: write {{ to have it printed")
			}
			p, err := parsePart(word)
			if err != nil {
				return nil, err
			}
			endText()
			parts = append(parts, p)
			size = len(p.text)
		case !unicode.IsPrint(c):
			return nil, wrong("", "holds %q, which can't be printed", c)
		default:
			text.WriteRune(c)
		}
		rest = rest[size:]
	}
	endText()
	return parts, nil
}

// parsePart reads what stands between braces.
func parsePart(word string) (part, error) {
	written := "{" + word + "}"
	wrong := func(text string, args ...any) (part, error) {
		return part{}, &PartError{Setting: "format", Part: written, Text: fmt.Sprintf(text, args...)}
	}
	if p, ok := words[word]; ok {
		p.text = written
		return p, nil
	}
	name, digits, _ := strings.Cut(word, ":")
	n, err := strconv.ParseUint(digits, 10, 8)
	number := err == nil && digits == strconv.FormatUint(n, 10)
	switch {
	case name == "id" && err == nil && digits == "0"+strconv.FormatUint(n, 10): // {id:06}
		if n < 1 || n > mostDigits {
			return wrong("must have 1 to %d digits, as {id:01} and {id:0%d}", mostDigits, mostDigits)
		}
		return part{kind: partID, text: written, width: int(n)}, nil
	case name == "id" && number && n > 0:
		return wrong("write {id:0%d}: the 0 says what the id is filled up with", n)
	case name == "scramble" && number:
		if n < leastScrambled || n > mostDigits {
			return wrong("must have %d to %d digits: the fewer there are, the sooner they can be guessed", leastScrambled, mostDigits)
		}
		return part{kind: partScramble, text: written, width: int(n)}, nil
	}
	return wrong("there is no such part: there are %s", allParts)
}
