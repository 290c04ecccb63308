package conformance_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/seqd-io/seqd/subjects"
)

// scenario is one row of the table. Its run checks one SDK, and returns what to
// print beside the verdict, if anything. Keys begin with the SDK's name where
// SDKs must not see each other's counters.
type scenario struct {
	name string
	run  func(s *system, c *sdk) (note string, err error)
}

var scenarios = []scenario{
	{"strong: 1, 2, 3 …", strongIsDense},
	{"weak: increasing, never twice", weakIncreases},
	{"a store's own mode", storesMode},
	{"ranges of 1 to 100 000, both modes", ranges},
	{"odd keys: the same counter in every language", oddKeys},
	{"keys of 200 bytes, 201 refused", longKeys},
	{"BAD_REQUEST, nothing sent", badRequests},
	{"BAD_REQUEST by the worker", refused},
	{"EXHAUSTED", exhausted},
	{"int64 exact up to 2^63−1", exact},
	{"FENCED: asked once", code(subjects.Fenced, false)},
	{"INTERNAL: asked once", code(subjects.Internal, false)},
	{"UNAVAILABLE: asked again", code(subjects.Unavailable, true)},
	{"EXPIRED: asked again", code(subjects.Expired, true)},
	{"BUSY: asked again", code(subjects.Busy, true)},
	{"BUSY twice, then ids", busyTwice},
	{"others' answers are ignored", strangers},
	{"no responders: NO_WORKERS in time", noWorkers},
	{"no answer: TIMEOUT in time", noAnswer},
	{"the server is gone: NOT_CONNECTED in time", notConnected},
	{"the connection is closed: CLOSED at once", connectionClosed},
	{"the sequence is closed: CLOSED", sequenceClosed},
	{"idempotency keys of 1 to 64 bytes", idempotencyKeys},
	{"the same idempotency key, the same ids", repeats},
	{"another SDK's idempotency key, the same ids", sharedRepeats},
	{"the answer was lost: the same ids", lostAnswer},
	{"the same idempotency key, another request: BAD_REQUEST", clashes},
	{"numbers of a numbered store", billNumbers},
	{"numbers of a store without numbers", noNumbers},
	{"numbers of any text", anyNumbers},
}

func strongIsDense(_ *system, c *sdk) (string, error) {
	for want := int64(1); want <= 20; want++ {
		if err := c.gets(weakStore, c.name+".dense", "strong", 1, want); err != nil {
			return "", err
		}
	}
	return "", nil
}

func weakIncreases(_ *system, c *sdk) (string, error) {
	var last int64
	for range 50 {
		got, err := c.ids(weakStore, c.name+".weak", "weak", 1)
		if err != nil {
			return "", err
		}
		if got <= last {
			return "", fmt.Errorf("%d after %d", got, last)
		}
		last = got
	}
	return "", nil
}

// storesMode asks without naming a mode where only STRONG is allowed, and names
// the one that is not.
func storesMode(_ *system, c *sdk) (string, error) {
	err := c.gets(strongStore, c.name+".own", "default", 1, 1)
	return "", errors.Join(err, c.fails(strongStore, c.name+".own", "weak", 1, 2*time.Second, "BAD_REQUEST"))
}

func ranges(_ *system, c *sdk) (string, error) {
	for _, mode := range []string{"strong", "weak"} {
		var last int64
		for _, n := range []int{1, 2, 100, 127, 128, 255, 256, 65_535, 65_536, maxCount, 1} {
			first, err := c.ids(weakStore, c.name+".ranges."+mode, mode, n)
			if err != nil {
				return "", fmt.Errorf("%s, %d ids: %w", mode, n, err)
			}
			if first <= last {
				return "", fmt.Errorf("%s: %d to %d after %d", mode, first, first+int64(n)-1, last)
			}
			last = first + int64(n) - 1
		}
	}
	return "", nil
}

// oddTexts are keys as a program may have them.
var oddTexts = []string{
	"发票/2026", "a b", "=", "==", "=20", "a=20b", "a.b", "a..b", ".", ".a", "a.", "...", "a/b", "/",
	"*", ">", "a.*", "a.>", "\x00", "\n", "\t", "\"{}", "ä", "a\u0308", "😀", "%20", "+", "~", "A", "a",
}

// oddKeys asks all SDKs for ids of the same texts, one SDK after the other: ids
// that go on where the SDK before has left off, from the record that the key's
// spelling names, show that all mean the same counter.
func oddKeys(s *system, c *sdk) (string, error) {
	for _, text := range oddTexts {
		if err := sharedKey(s, c, text); err != nil {
			return "", fmt.Errorf("key %q: %w", text, err)
		}
	}
	return "", nil
}

func sharedKey(s *system, c *sdk, text string) error {
	key, err := subjects.Escape(text)
	if err != nil {
		return err
	}
	before, err := s.last(strongStore, key)
	if err != nil {
		before = 0 // the first SDK
	}
	first, err := c.ids(strongStore, text, "strong", 1)
	if err != nil {
		return err
	}
	after, err := s.last(strongStore, key)
	if err == nil && (first <= before || first > after) {
		err = fmt.Errorf("got %d, the record %s went from %d to %d", first, key, before, after)
	}
	return err
}

func longKeys(s *system, c *sdk) (string, error) {
	euros := strings.Repeat("€", 22) // 198 bytes when escaped
	for _, text := range []string{strings.Repeat("k", 200), euros + "ab", strings.Repeat("a.", 14) + "a"} {
		if err := sharedKey(s, c, text); err != nil {
			return "", fmt.Errorf("key %q: %w", text, err)
		}
	}
	for _, text := range []string{strings.Repeat("k", 201), euros + "abc", strings.Repeat("a.", 15) + "a"} {
		if err := c.fails(strongStore, text, "strong", 1, 2*time.Second, "BAD_REQUEST"); err != nil {
			return "", err
		}
	}
	return "", nil
}

// badRequests are refused by the SDK itself: asked of a store that nobody
// serves, they would come back as NO_WORKERS if they were sent.
func badRequests(_ *system, c *sdk) (string, error) {
	for _, bad := range []struct {
		store, key string
		n          int
	}{
		{nobody, "", 1},
		{nobody, "k", 0},
		{nobody, "k", -1},
		{"", "k", 1},
		{"a b", "k", 1},
		{"a.b", "k", 1},
		{"*", "k", 1},
		{strings.Repeat("s", 65), "k", 1},
	} {
		if err := c.fails(bad.store, bad.key, "strong", bad.n, 500*time.Millisecond, "BAD_REQUEST"); err != nil {
			return "", err
		}
	}
	return "", nil
}

func refused(_ *system, c *sdk) (string, error) {
	return "", c.fails(weakStore, c.name+".many", "strong", maxCount+1, 2*time.Second, "BAD_REQUEST")
}

func exhausted(s *system, c *sdk) (string, error) {
	for _, mode := range []string{"strong", "weak"} {
		key := c.name + ".exhausted." + mode
		if err := s.setLast(weakStore, key, math.MaxInt64); err != nil {
			return "", err
		}
		if err := c.fails(weakStore, key, mode, 1, 2*time.Second, "EXHAUSTED"); err != nil {
			return "", err
		}
	}
	return "", nil
}

// exact spends the last ids of a counter, and gets others from the script.
func exact(s *system, c *sdk) (string, error) {
	key := c.name + ".exact"
	if err := s.setLast(weakStore, key, math.MaxInt64-6); err != nil {
		return "", err
	}
	for _, want := range []struct {
		first int64
		n     int
	}{{math.MaxInt64 - 5, 1}, {math.MaxInt64 - 4, 4}, {math.MaxInt64, 1}} {
		if err := c.gets(weakStore, key, "strong", want.n, want.first); err != nil {
			return "", err
		}
	}
	if err := c.fails(weakStore, key, "strong", 1, 2*time.Second, "EXHAUSTED"); err != nil {
		return "", err
	}
	for arg, want := range scriptedIds {
		n := 1
		if arg == "max-99999" {
			n = maxCount
		}
		if err := c.gets(script, c.name+".ids."+arg, "default", n, want); err != nil {
			return "", err
		}
	}
	return "", nil
}
