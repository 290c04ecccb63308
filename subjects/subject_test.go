package subjects_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/seqd-io/seqd/subjects"
)

func TestParseVectors(t *testing.T) {
	type good struct{ Subject, Root, Store, Key string }
	for _, v := range vectors[good](t, "subjects.json", "good") {
		t.Run(v.Subject, func(t *testing.T) {
			store, key, err := subjects.Parse(v.Root, v.Subject)
			if err != nil {
				t.Fatal(err)
			}
			if store != v.Store || key != v.Key {
				t.Errorf("got %q %q, want %q %q", store, key, v.Store, v.Key)
			}
			if got := subjects.Subject(v.Root, v.Store, v.Key); got != v.Subject {
				t.Errorf("Subject: got %q, want %q", got, v.Subject)
			}
			if err := subjects.CheckToken("root", v.Root); err != nil {
				t.Error(err)
			}
		})
	}
}

// The reason words of subjects.json, and what the caller is told.
var reasons = map[string]string{
	"root":            "subject must start with",
	"no-key":          "subject must be seq.<store>.<key>",
	"store-length":    "store must have 1 to 64 bytes",
	"store-byte":      "store may hold",
	"key-length":      "key must have 1 to 200 bytes",
	"key-byte":        "must be written =",
	"empty-token":     "empty token",
	"tokens":          "key has 16 tokens",
	"escape":          "= must be followed by two upper-case hex digits",
	"needless-escape": "must be written ",
}

func TestParseRefuses(t *testing.T) {
	type bad struct{ Root, Subject, Reason string }
	seen := map[string]bool{}
	for _, v := range vectors[bad](t, "subjects.json", "bad") {
		seen[v.Reason] = true
		t.Run(fmt.Sprintf("%s %.40q", v.Reason, v.Subject), func(t *testing.T) {
			store, key, err := subjects.Parse(v.Root, v.Subject)
			checkBadRequest(t, err)
			if store != "" || key != "" {
				t.Errorf("got %q %q with an error", store, key)
			}
			if want := reasons[v.Reason]; want == "" || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q for %s", err, want, v.Reason)
			}
			if needless := strings.Contains(err.Error(), ": ="); v.Reason == "needless-escape" && !needless {
				t.Errorf("got %v, want the escape named", err)
			}
		})
	}
	for reason := range reasons {
		if !seen[reason] {
			t.Errorf("no vector for %s", reason)
		}
	}
}

// Every byte has one spelling in a key: itself or =XX, never both, never none.
func TestOneSpellingOfEveryByte(t *testing.T) {
	for i := range 256 {
		b := byte(i)
		bare := subjects.CheckKey("a" + string([]byte{b}) + "a")
		escaped := subjects.CheckKey(fmt.Sprintf("a=%02Xa", b))
		lower := subjects.CheckKey(fmt.Sprintf("a=%02xa", b))
		if b == '.' { // between tokens it separates, inside one it is =2E
			if bare != nil || escaped != nil {
				t.Errorf("dot: %v, %v", bare, escaped)
			}
			continue
		}
		if (bare == nil) == (escaped == nil) {
			t.Errorf("byte %02X: bare %v, escaped %v", b, bare, escaped)
		}
		if upper := fmt.Sprintf("%02X", b); lower == nil && strings.ContainsAny(upper, "ABCDEF") {
			t.Errorf("byte %02X: lower-case hex was accepted", b)
		}
		inStore := subjects.CheckToken("store", string([]byte{b})) == nil
		if want := bare == nil && b != '/'; inStore != want {
			t.Errorf("byte %02X in a store: got %t, want %t", b, inStore, want)
		}
	}
}

// What Parse accepts, a wildcard subscription of a worker covers.
func TestWildcard(t *testing.T) {
	for _, tt := range []struct{ root, store, want string }{
		{subjects.Root, "orders", "seq.orders.>"},
		{subjects.Root, subjects.AnyStore, "seq.*.>"},
		{"ids", "orders", "ids.orders.>"},
	} {
		if got := subjects.Wildcard(tt.root, tt.store); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
	if strings.HasPrefix(subjects.PeerRoot+".", subjects.Root+".") {
		t.Error("worker-to-worker subjects lie under the root")
	}
	if err := subjects.CheckToken("queue", subjects.Queue); err != nil {
		t.Error(err)
	}
}

func TestCheckTokenNamesWhat(t *testing.T) {
	for _, s := range []string{"", "a.b", "a/b", "a=20", "*", strings.Repeat("s", 65), "\xff"} {
		err := subjects.CheckToken("root", s)
		checkBadRequest(t, err)
		if !strings.HasPrefix(err.Error(), "BAD_REQUEST: root ") {
			t.Errorf("%q: got %v", s, err)
		}
	}
}
