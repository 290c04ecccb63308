package conformance_test

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/seqd-io/seqd/integration/pace"
)

// numbers is a command for numbers of one key.
func numbers(store, key string, n int) command {
	return command{Op: "numbers", Store: store, Key: key, Mode: "strong", N: n}
}

// keyed is c with that idempotency key.
func (c command) keyed(key string) command {
	c.IdempotencyKey = &key
	return c
}

// only is c for ids alone.
func (c command) only() command {
	c.Op = "next"
	return c
}

// refuses makes one call that must end with BAD_REQUEST and have spent no id.
func (s *sdk) refuses(c command) error {
	a, err := s.call(c, 2*time.Second)
	if err == nil {
		err = a.is("BAD_REQUEST", false)
	}
	return err
}

// idempotencyKeys that are wrong are refused by the SDK itself: asked of a store that
// nobody serves, they would come back as NO_WORKERS if they were sent.
func idempotencyKeys(_ *system, c *sdk) (string, error) {
	for _, bad := range []string{"", strings.Repeat("k", 65), strings.Repeat("€", 22)} {
		for _, call := range []command{numbers(nobody, "k", 1), numbers(nobody, "k", 1).only()} {
			if err := c.refuses(call.keyed(bad)); err != nil {
				return "", fmt.Errorf("%s with the key %q: %w", call.Op, bad, err)
			}
		}
	}
	for _, good := range []string{"k", strings.Repeat("€", 21) + "k"} {
		if _, err := c.succeeds(numbers(weakStore, c.name+".idem.good", 1).keyed(good)); err != nil {
			return "", fmt.Errorf("key %q: %w", good, err)
		}
	}
	return "", nil
}

// repeats asks again and again with one key, and then with another and with none.
func repeats(s *system, c *sdk) (string, error) {
	for _, mode := range []string{"strong", "weak"} {
		for _, n := range []int{1, 5} {
			call := numbers(weakStore, fmt.Sprintf("%s.idem.%s.%d", c.name, mode, n), n)
			call.Mode = mode
			if err := repeat(s, c, call); err != nil {
				return "", fmt.Errorf("%s, %d ids: %w", mode, n, err)
			}
		}
	}
	return "", nil
}

func repeat(s *system, c *sdk, call command) error {
	first, err := c.succeeds(call.keyed("order 1"))
	if err != nil {
		return err
	}
	if first.replayed {
		return fmt.Errorf("%d is a repeat before anybody asked", first.first)
	}
	before, err := s.last(call.Store, call.Key)
	if err != nil {
		return err
	}
	for _, again := range []command{call, call.only(), call} {
		got, err := c.succeeds(again.keyed("order 1"))
		if err != nil {
			return err
		}
		if got.first != first.first || again.Op == "numbers" && !got.replayed {
			return fmt.Errorf("%s again: got %d, a repeat: %t, want %d", again.Op, got.first, got.replayed, first.first)
		}
	}
	if after, err := s.last(call.Store, call.Key); err != nil || after != before {
		return fmt.Errorf("a repeat moved the record from %d to %d, %v", before, after, err)
	}
	last := first
	for _, new := range []command{call.keyed("order 2"), call} {
		got, err := c.succeeds(new)
		if err != nil {
			return err
		}
		if got.first < last.first+int64(last.n) || got.replayed {
			return fmt.Errorf("with another key or none: got %d, a repeat: %t, after %d", got.first, got.replayed, last.first)
		}
		last = got
	}
	return nil
}

// sharedRepeats has all SDKs ask with one key, one after the other: that they get the
// same ids shows that all spell its bytes alike.
func sharedRepeats(s *system, c *sdk) (string, error) {
	got, err := c.succeeds(numbers(weakStore, "idem.shared", 3).keyed("Bestellung-ä-€-17"))
	if err != nil {
		return "", err
	}
	first := s.shared.n == 0
	if first {
		s.shared = got
	}
	if got.first != s.shared.first || got.replayed == first {
		return "", fmt.Errorf("got %d, a repeat: %t, want %d, a repeat: %t", got.first, got.replayed, s.shared.first, !first)
	}
	return "", nil
}

// lostAnswer has the worker serve a request whose answer is thrown away. The SDK asks
// again by itself, and gets what it would have got.
func lostAnswer(s *system, c *sdk) (string, error) {
	key := c.name + ".lost.answer"
	start := time.Now()
	got, err := c.succeeds(numbers(script, key, 3).keyed("order 17"))
	if err != nil {
		return "", err
	}
	if _, err := s.script.wellMade(key, start, pace.Patience); err != nil {
		return "", err
	}
	lost := s.script.attempts(key)[0].lost
	last, err := s.last(weakStore, key)
	if err == nil && (got.first != lost || !got.replayed || last != lost+2) {
		err = fmt.Errorf("got %d, a repeat: %t, the record at %d; want what was lost, %d to %d", got.first, got.replayed, last, lost, lost+2)
	}
	return "", err
}

// clashes asks for something else with a key that has its answer.
func clashes(_ *system, c *sdk) (string, error) {
	call := numbers(weakStore, c.name+".idem.clash", 1).keyed("order 1")
	first, err := c.succeeds(call)
	if err != nil {
		return "", err
	}
	more, weak := call, call
	more.N, weak.Mode = 2, "weak"
	if err := errors.Join(c.refuses(more), c.refuses(weak)); err != nil {
		return "", err
	}
	again, err := c.succeeds(call)
	if err == nil && (again.first != first.first || !again.replayed) {
		err = fmt.Errorf("after the clash: got %d, a repeat: %t, want %d", again.first, again.replayed, first.first)
	}
	return "", err
}

var yearPattern = regexp.MustCompile(`^20\d\d$`)

// billNumbers asks for a year's first numbers, as many as there may be at once.
func billNumbers(_ *system, c *sdk) (string, error) {
	for _, n := range []int{0, -1, 1001} { // refused by the SDK: nobody serves the store
		if err := c.refuses(numbers(nobody, "k", n)); err != nil {
			return "", fmt.Errorf("%d numbers: %w", n, err)
		}
	}
	want := int64(1)
	for _, n := range []int{1, 3, 1000} {
		got, err := c.succeeds(numbers(billStore, c.name, n).keyed(fmt.Sprint("order ", n)))
		if err != nil {
			return "", err
		}
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf("R-%s/%06d", got.period, want+int64(i)))
		}
		if got.first != want || got.replayed || !yearPattern.MatchString(got.period) || !slices.Equal(got.numbers, all) {
			return "", fmt.Errorf("%d numbers: got %d, period %q, a repeat: %t, %.3q …, want %.3q …", n, got.first, got.period, got.replayed, got.numbers, all)
		}
		again, err := c.succeeds(numbers(billStore, c.name, n).keyed(fmt.Sprint("order ", n)))
		if err != nil || again.first != want || !again.replayed || again.period != got.period || !slices.Equal(again.numbers, all) {
			return "", fmt.Errorf("%d numbers, again: got %d, period %q, a repeat: %t, %.3q …, %v", n, again.first, again.period, again.replayed, again.numbers, err)
		}
		want += int64(n)
	}
	return "", c.gets(billStore, c.name, "strong", 1, want)
}

func noNumbers(_ *system, c *sdk) (string, error) {
	got, err := c.succeeds(numbers(weakStore, c.name+".no.numbers", 1000))
	if err == nil && (got.first != 1 || got.period != "" || len(got.numbers) != 0 || got.replayed) {
		err = fmt.Errorf("got %+v", got)
	}
	return "", err
}

// anyNumbers are exact, whatever they are made of; fewer than there are ids are none.
func anyNumbers(s *system, c *sdk) (string, error) {
	key := c.name + ".numbers.any"
	for n := 1; n <= len(scriptedNumbers); n++ {
		got, err := c.succeeds(numbers(script, key, n))
		if err != nil {
			return "", err
		}
		if got.first != lastNumbersID || got.period != numbersPeriod || !slices.Equal(got.numbers, scriptedNumbers[:n]) || !got.replayed {
			return "", fmt.Errorf("%d numbers: got %+v", n, got)
		}
	}
	before := len(s.script.attempts(key))
	a, err := c.call(numbers(script, key, 4), pace.Patience)
	if err == nil {
		err = a.is("INTERNAL", true)
	}
	if n := len(s.script.attempts(key)) - before; err == nil && n != 1 {
		err = fmt.Errorf("asked %d times, want 1", n)
	}
	return "", err
}
