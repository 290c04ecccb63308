package stamper_test

import (
	"strings"
	"testing"

	"github.com/seqd-io/seqd/cmd/seqd/stamper"
)

func TestTemplate(t *testing.T) {
	for _, c := range []struct{ text, source, subject, pattern string }{
		{"out", "orders.eu.new", "out", "out"},
		{"stamped.{{subject}}", "orders.eu.new", "stamped.orders.eu.new", "stamped.>"},
		{"{{subject}}", "orders", "orders", ">"},
		{"s.{{token(2)}}.x", "orders.eu.new", "s.eu.x", "s.*.x"},
		{"s.{{ token(3) }}-{{token(2)}}", "orders.eu.new", "s.new-eu", "s.*"},
		{"{{token(1)}}.{{subject}}", "orders.eu", "orders.orders.eu", "*.>"},
	} {
		tmpl, err := stamper.ParseTemplate(c.text)
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		subject, err := tmpl.Subject(c.source)
		if err != nil || subject != c.subject {
			t.Errorf("%q of %s: got %q, %v, want %q", c.text, c.source, subject, err, c.subject)
		}
		if got := tmpl.Pattern(); got != c.pattern {
			t.Errorf("%q: got pattern %q, want %q", c.text, got, c.pattern)
		}
		if !stamper.Covers(c.pattern, subject) {
			t.Errorf("%q: the pattern %q does not cover %q", c.text, c.pattern, subject)
		}
	}
	tmpl, err := stamper.ParseTemplate("s.{{token(3)}}")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := tmpl.Subject("orders.eu"); err == nil || !strings.Contains(err.Error(), "no token 3") {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestTemplateErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "empty token",
		"a..b":                    "empty token",
		"a.*":                     "wildcard",
		"a.>":                     "wildcard",
		"a b":                     "space",
		"a.{{token(2)":            "without }}",
		"a.{{token(0)}}":          "neither",
		"a.{{token(x)}}":          "neither",
		"a.{{wildcard(1)}}":       "neither",
		"a.{{subject}}.b":         "at the end",
		"a-{{subject}}":           "after a dot",
		"{{token(1)}}{{subject}}": "after a dot",
	} {
		if _, err := stamper.ParseTemplate(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

func TestCovers(t *testing.T) {
	for _, c := range []struct {
		stream, pattern string
		want            bool
	}{
		{">", "a.>", true},
		{"a.>", "a.>", true},
		{"a.>", "a.*", true},
		{"a.>", "a", false},
		{"a.*", "a.>", false},
		{"a.*", "a.*", true},
		{"a.*", "a.b.c", false},
		{"a.b", "a.*", false},
		{"*.>", "a.>", true},
		{"*.>", ">", false},
		{"a.b", "a.b", true},
	} {
		if got := stamper.Covers(c.stream, c.pattern); got != c.want {
			t.Errorf("%s covers %s: got %v", c.stream, c.pattern, got)
		}
	}
}
