package allocator_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
)

func numbered(i int) allocator.Key { return allocator.Key{Store: "s", Name: fmt.Sprint(i)} }

func TestKeysAreBounded(t *testing.T) {
	const most = 10
	inWeak(t, allocator.WeakConfig{MaxKeys: most}, func(t *testing.T, m *allocatortest.Memory, w *allocator.Weak, c *caller) {
		for i := range 20 * most {
			c.ask(numbered(i), 1, time.Second).wantIDs(t, 1, 1, 0)
			if n := w.Keys(); n > most {
				t.Fatalf("%d keys are held, want at most %d", n, most)
			}
		}
		if n := w.Keys(); n != most {
			t.Errorf("%d keys are held, want %d", n, most)
		}
		// What was left of a forgotten key's segment is a gap.
		for i := range 15 * most {
			c.ask(numbered(i), 1, time.Second).wantIDs(t, 11, 1, 0)
		}
	})
}

// A key in use is not forgotten, whatever else comes and goes.
func TestKeysInUseAreKept(t *testing.T) {
	inWeak(t, allocator.WeakConfig{MaxKeys: 10}, func(t *testing.T, m *allocatortest.Memory, w *allocator.Weak, c *caller) {
		for i := range 200 {
			c.ask(key, 1, time.Second).wantIDs(t, int64(i)+1, 1, 0)
			c.ask(numbered(i), 1, time.Second).wantIDs(t, 1, 1, 0)
		}
	})
}

// A key stays for a while, so that it can come into use: the youngest, which
// gets the place of the one forgotten, is not the next to go.
func TestYoungKeysAreKept(t *testing.T) {
	inWeak(t, allocator.WeakConfig{MaxKeys: 10}, func(t *testing.T, m *allocatortest.Memory, w *allocator.Weak, c *caller) {
		const keys = 200
		forgotten := 0
		for i := range keys {
			c.ask(numbered(i), 1, time.Second).wantIDs(t, 1, 1, 0)
			if i < 3 {
				continue
			}
			again := c.ask(numbered(i-3), 1, time.Second).got()
			if len(again) != 1 || again[0].ids.First != 2 {
				forgotten++
			}
		}
		if forgotten > keys/4 {
			t.Errorf("%d of %d keys were forgotten when 3 others had come", forgotten, keys)
		}
	})
}

// Keys with an advance under way can't be forgotten; they are, once it is back.
func TestKeysAreBoundedAfterAStall(t *testing.T) {
	const most = 10
	inWeak(t, allocator.WeakConfig{MaxKeys: most}, func(t *testing.T, m *allocatortest.Memory, w *allocator.Weak, c *caller) {
		m.Script(slow(time.Second))
		var requests []*request
		for i := range 3 * most {
			requests = append(requests, c.ask(numbered(i), 1, time.Minute))
		}
		if n := w.Keys(); n != 3*most {
			t.Errorf("%d keys are held while advances are under way, want %d", n, 3*most)
		}
		time.Sleep(time.Second)
		for _, r := range requests {
			r.wantIDs(t, 1, 1, time.Second)
		}
		m.Script(nil)
		c.ask(key, 1, time.Second).wantIDs(t, 1, 1, 0)
		if n := w.Keys(); n > most {
			t.Errorf("%d keys are held, want at most %d", n, most)
		}
	})
}

// One eviction looks at a bounded number of keys.
func TestManyKeys(t *testing.T) {
	const most = 5000
	inWeak(t, allocator.WeakConfig{MaxKeys: most}, func(t *testing.T, m *allocatortest.Memory, w *allocator.Weak, c *caller) {
		for i := range 2 * most {
			c.ask(numbered(i), 1, time.Second)
			if i%100 == 0 {
				synctest.Wait()
			}
		}
		synctest.Wait()
		c.ask(key, 1, time.Second)
		if n := w.Keys(); n > most {
			t.Errorf("%d keys are held, want at most %d", n, most)
		}
	})
}
