package stamper

import (
	"fmt"
	"strconv"
	"strings"
)

// Template makes an output subject of a source subject. It is plain text in
// which {{token(N)}} stands for the source subject's N-th token, from 1, and
// {{subject}}, at the end only, for the whole source subject:
//
//	orders.stamped                 one subject for all
//	stamped.{{subject}}            orders.eu.new → stamped.orders.eu.new
//	stamped.{{token(2)}}           orders.eu.new → stamped.eu
type Template struct {
	text  string
	parts []part
}

// part is text, a token's number, or the whole subject.
type part struct {
	text  string
	token int
	whole bool
}

// ParseTemplate reads a template. The error says what is wrong with it.
func ParseTemplate(text string) (*Template, error) {
	t := &Template{text: text}
	rest := text
	for {
		before, after, found := strings.Cut(rest, "{{")
		if before != "" {
			t.parts = append(t.parts, part{text: before})
		}
		if !found {
			break
		}
		word, after, found := strings.Cut(after, "}}")
		if !found {
			return nil, fmt.Errorf("output subject %q: {{ without }}", text)
		}
		p, err := parseWord(strings.TrimSpace(word))
		if err != nil {
			return nil, fmt.Errorf("output subject %q: %w", text, err)
		}
		if p.whole && (after != "" || before != "" && !strings.HasSuffix(before, ".") || before == "" && len(t.parts) > 0) {
			return nil, fmt.Errorf("output subject %q: {{subject}} must be at the end, and after a dot", text)
		}
		t.parts = append(t.parts, p)
		rest = after
	}
	if err := checkSubject(t.example()); err != nil {
		return nil, fmt.Errorf("output subject %q: %w", text, err)
	}
	return t, nil
}

func parseWord(word string) (part, error) {
	if word == "subject" {
		return part{whole: true}, nil
	}
	if inner, ok := strings.CutPrefix(word, "token("); ok {
		if digits, ok := strings.CutSuffix(inner, ")"); ok {
			if n, err := strconv.Atoi(strings.TrimSpace(digits)); err == nil && n > 0 {
				return part{token: n}, nil
			}
		}
	}
	return part{}, fmt.Errorf("{{%s}} is neither {{token(N)}}, N from 1, nor {{subject}}", word)
}

// String returns the template as it was written.
func (t *Template) String() string { return t.text }

// Subject returns the output subject for a source subject.
func (t *Template) Subject(source string) (string, error) {
	var b strings.Builder
	for _, p := range t.parts {
		switch {
		case p.whole:
			b.WriteString(source)
		case p.token > 0:
			tok, err := token(source, p.token)
			if err != nil {
				return "", err
			}
			b.WriteString(tok)
		default:
			b.WriteString(p.text)
		}
	}
	return b.String(), nil
}

// Pattern returns a subject with wildcards that matches all output subjects.
func (t *Template) Pattern() string {
	tokens := strings.Split(t.fill("*", ">"), ".")
	for i, tok := range tokens {
		if len(tok) > 1 && strings.Contains(tok, "*") {
			tokens[i] = "*" // text and a token
		}
	}
	return strings.Join(tokens, ".")
}

func (t *Template) example() string { return t.fill("x", "x") }

func (t *Template) fill(token, whole string) string {
	var b strings.Builder
	for _, p := range t.parts {
		switch {
		case p.whole:
			b.WriteString(whole)
		case p.token > 0:
			b.WriteString(token)
		default:
			b.WriteString(p.text)
		}
	}
	return b.String()
}

// checkSubject refuses what can't be published to.
func checkSubject(subject string) error {
	for tok := range strings.SplitSeq(subject, ".") {
		if tok == "" {
			return fmt.Errorf("it has an empty token")
		}
		if strings.ContainsAny(tok, "*> \t\r\n") {
			return fmt.Errorf("it has a wildcard or space in the token %q", tok)
		}
	}
	return nil
}

// covers tells whether every subject that pattern matches is matched by the
// stream subject as well.
func covers(stream, pattern string) bool {
	want, have := strings.Split(pattern, "."), strings.Split(stream, ".")
	for i, h := range have {
		switch {
		case h == ">":
			return i < len(want)
		case i >= len(want), want[i] == ">":
			return false
		case h != "*" && h != want[i]:
			return false
		}
	}
	return len(have) == len(want)
}

// overlap tells whether some subject is matched by both patterns.
func overlap(a, b string) bool {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(as), len(bs)) {
		switch x, y := as[i], bs[i]; {
		case x == ">" || y == ">":
			return true
		case x != y && x != "*" && y != "*":
			return false
		}
	}
	return len(as) == len(bs)
}
