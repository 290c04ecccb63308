package subjects_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/seqd-io/seqd/subjects"
)

// vectors reads one group of a file in testdata. A field that T does not know
// fails the test: a check nobody makes is worse than none.
func vectors[T any](tb testing.TB, file, group string) []T {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		tb.Fatal(err)
	}
	var groups map[string]json.RawMessage
	if err := json.Unmarshal(b, &groups); err != nil {
		tb.Fatalf("%s: %v", file, err)
	}
	d := json.NewDecoder(bytes.NewReader(groups[group]))
	d.DisallowUnknownFields()
	var all []T
	if err := d.Decode(&all); err != nil {
		tb.Fatalf("%s: %s: %v", file, group, err)
	}
	if len(all) == 0 {
		tb.Fatalf("%s: no vectors in %s", file, group)
	}
	return all
}

type nonceVector struct{ Kind, Value, Msgpack, JSON string }

// nonce returns what a worker holds after a request with this nonce; nil is no
// nonce.
func (v *nonceVector) nonce(tb testing.TB) subjects.Nonce {
	tb.Helper()
	if v == nil {
		return subjects.Nonce{}
	}
	var r subjects.Request
	if err := r.Decode(nil, join("\x81\xa5nonce", unhex(tb, v.Msgpack))); err != nil {
		tb.Fatal(err)
	}
	return r.Nonce
}

// checkEcho checks how a reply echoes n, in both formats that can.
func (v *nonceVector) checkEcho(t *testing.T, n subjects.Nonce) {
	t.Helper()
	plain := subjects.Reply{ID: 1, N: 1}
	echo := subjects.Reply{ID: 1, N: 1, Nonce: n}
	wantMsgpack, wantJSON := plain.Append(nil, subjects.Msgpack), plain.Append(nil, subjects.JSON)
	if v != nil {
		wantMsgpack[0]++
		wantMsgpack = join(string(wantMsgpack), []byte("\xa5nonce"), unhex(t, v.Msgpack))
		wantJSON = join(strings.TrimSuffix(string(wantJSON), "}"), []byte(`,"nonce":`+v.JSON+"}"))
	}
	if got := echo.Append(nil, subjects.Msgpack); !bytes.Equal(got, wantMsgpack) {
		t.Errorf("msgpack echo: got %x, want %x", got, wantMsgpack)
	}
	if got := echo.Append(nil, subjects.JSON); !bytes.Equal(got, wantJSON) {
		t.Errorf("JSON echo: got %s, want %s", got, wantJSON)
	}
}

// count is a number of ids. Where an int has 32 bits, a worker refuses those that
// do not fit, and a vector with one has nothing to say.
type count int64

func (c count) int(t *testing.T) int {
	t.Helper()
	if strconv.IntSize == 32 && c > math.MaxInt32 {
		t.Skip("does not fit an int")
	}
	return int(c)
}

func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func join(first string, rest ...[]byte) []byte {
	return append([]byte(first), bytes.Join(rest, nil)...)
}

// header turns a vector's headers into a message's; none stays nil.
func header(h map[string]string) map[string][]string {
	if len(h) == 0 {
		return nil
	}
	all := make(map[string][]string, len(h))
	for name, value := range h {
		all[name] = []string{value}
	}
	return all
}

func parseFormat(tb testing.TB, s string) subjects.Format {
	tb.Helper()
	switch s {
	case "msgpack":
		return subjects.Msgpack
	case "json":
		return subjects.JSON
	case "text":
		return subjects.Text
	}
	tb.Fatalf("unknown format %q", s)
	return 0
}

// checkBadRequest checks that err is an ErrBadRequest whose text can stand in a
// header: one line, and not as long as what a hostile caller sent.
func checkBadRequest(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, subjects.ErrBadRequest) {
		t.Fatalf("got %v, want a BAD_REQUEST", err)
	}
	if text := err.Error(); len(text) > 600 || strings.ContainsAny(text, "\r\n\x00") {
		t.Errorf("error can't stand in a header: %q", text)
	}
}
