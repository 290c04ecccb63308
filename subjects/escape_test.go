package subjects_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/seqd-io/seqd/subjects"
)

type keyVector struct {
	Text    *string // nil: no Unicode text
	TextHex string  `json:"text_hex"`
	Key     string
	Reason  string
}

// text returns the vector's bytes, checked against the readable form.
func (v keyVector) text(t *testing.T) string {
	t.Helper()
	text := string(unhex(t, v.TextHex))
	if v.Text != nil && *v.Text != text {
		t.Fatalf("text %q and text_hex %q differ", *v.Text, text)
	}
	return text
}

func TestEscapeVectors(t *testing.T) {
	for _, v := range vectors[keyVector](t, "keys.json", "good") {
		t.Run(v.Key, func(t *testing.T) { checkEscape(t, v.text(t), v.Key) })
	}
}

// checkEscape checks that text is written as key, and what follows from it.
func checkEscape(t *testing.T, text, key string) {
	t.Helper()
	got, err := subjects.Escape(text)
	if err != nil || got != key {
		t.Fatalf("Escape(%q): got %q %v, want %q", text, got, err, key)
	}
	if back, err := subjects.Unescape(key); err != nil || back != text {
		t.Fatalf("Unescape(%q): got %q %v, want %q", key, back, err, text)
	}
	subject := subjects.Subject(subjects.Root, "orders", key)
	if store, back, err := subjects.Parse(subjects.Root, subject); err != nil || store != "orders" || back != key {
		t.Fatalf("Parse(%q): got %q %q %v", subject, store, back, err)
	}
}

func TestEscapeRefuses(t *testing.T) {
	want := map[string]string{"empty": "not 0", "too-long": "1 to 200 bytes", "too-many-tokens": "at most 15"}
	for _, v := range vectors[keyVector](t, "keys.json", "bad") {
		text := v.text(t)
		key, err := subjects.Escape(text)
		checkBadRequest(t, err)
		if key != "" || !strings.Contains(err.Error(), want[v.Reason]) {
			t.Errorf("%.20q: got %q %v, want %s", text, key, err, v.Reason)
		}
	}
}

// Different texts give different keys: all texts of up to six of the bytes that
// have a meaning of their own, and none is lost.
func TestEscapeIsOneToOne(t *testing.T) {
	const alphabet = ".=2Ea "
	texts := map[string]string{} // by key
	var walk func(text string)
	walk = func(text string) {
		if text != "" {
			key, err := subjects.Escape(text)
			if err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			if other, taken := texts[key]; taken {
				t.Fatalf("%q and %q are both written %q", other, text, key)
			}
			texts[key] = text
			if back, err := subjects.Unescape(key); err != nil || back != text {
				t.Fatalf("Unescape(%q): got %q %v, want %q", key, back, err, text)
			}
		}
		if len(text) == 6 {
			return
		}
		for i := range len(alphabet) {
			walk(text + alphabet[i:i+1])
		}
	}
	walk("")
	if want := 6 + 36 + 216 + 1296 + 7776 + 46656; len(texts) != want {
		t.Errorf("got %d keys, want %d", len(texts), want)
	}
}

// The same for random bytes of every length up to the longest.
func TestEscapeRandomBytes(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		text := make([]byte, 1+rnd.IntN(70))
		for i := range text {
			text[i] = byte(rnd.Uint32())
			if rnd.IntN(8) == 0 {
				text[i] = '.'
			}
		}
		if key, err := subjects.Escape(string(text)); err == nil {
			checkEscape(t, string(text), key)
		} else {
			checkBadRequest(t, err)
		}
	}
}

// A dot inside a token is a key of its own that no text is written as; its text
// belongs to the key with the separator.
func TestUnescapeOfAnInnerDot(t *testing.T) {
	text, err := subjects.Unescape("a=2Eb")
	if err != nil || text != "a.b" {
		t.Fatalf("got %q %v", text, err)
	}
	if key, _ := subjects.Escape(text); key != "a.b" {
		t.Errorf("got %q", key)
	}
	if _, err := subjects.Unescape("a=2eb"); err == nil {
		t.Error("Unescape accepted a key that is not canonical")
	}
}
