package etcd

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func someKnown(epoch int64, term uint64, rev int64) known {
	return known{incarnation: incarnation{store: "a", epoch: epoch, seen: sight{cluster: 0xbeef, term: term, rev: rev}}, recorded: rev - 1}
}

func mustLoad(t *testing.T, f stateFile) known {
	t.Helper()
	k, err := f.load()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func mustSave(t *testing.T, f stateFile, k known) {
	t.Helper()
	if err := f.save(k); err != nil {
		t.Fatal(err)
	}
}

func TestStateFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "by", "save")
	f := newStateFile(dir, false, []string{"b:2379", "a:2379"}, "/seqd")
	if got := mustLoad(t, f); got != (known{}) {
		t.Errorf("without a file: got %+v", got)
	}
	mustSave(t, f, someKnown(1, 5, 10))
	same := newStateFile(dir, false, []string{"a:2379", "b:2379"}, "/seqd")
	if got := mustLoad(t, same); got != someKnown(1, 5, 10) {
		t.Errorf("got %+v", got)
	}
	if other := newStateFile(dir, false, []string{"a:2379", "b:2379"}, "/other"); other.path == f.path {
		t.Errorf("two prefixes share %s", f.path)
	}
	if !strings.HasPrefix(filepath.Base(f.path), "a_2379-") {
		t.Errorf("it is named %s", f.path)
	}

	// Several workers write: the maxima count, each by itself.
	mustSave(t, f, someKnown(1, 3, 20))
	if got := mustLoad(t, f); got != someKnown(1, 5, 20) {
		t.Errorf("got %+v", got)
	}
	// One that was fenced is not forgotten, until the epoch is raised.
	fenced := someKnown(1, 5, 20)
	fenced.fenced = "it fell"
	mustSave(t, f, fenced)
	mustSave(t, f, someKnown(1, 5, 21))
	if got := mustLoad(t, f); got.fenced != "it fell" {
		t.Errorf("got %+v", got)
	}
	mustSave(t, f, someKnown(2, 2, 4))
	mustSave(t, f, someKnown(1, 9, 99)) // of a worker that has not seen the jump yet
	if got := mustLoad(t, f); got != someKnown(2, 2, 4) {
		t.Errorf("got %+v", got)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*.tmp")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestStateFileThatIsNotUnderstoodIsLeftAlone(t *testing.T) {
	f := newStateFile(t.TempDir(), false, []string{"a"}, "/seqd")
	for _, text := range []string{"", "{}", `{"fmt":2,"store":"a","cluster":"1"}`, `{"fmt":1,"store":"a","cluster":"1","more":1}`, `{"fmt":1,"store":"a","cluster":"zz"}`} {
		if err := os.WriteFile(f.path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if k, err := f.load(); err == nil || k != (known{}) || !strings.Contains(err.Error(), f.path) {
			t.Errorf("%q: got %+v, %v", text, k, err)
		}
		if err := f.save(someKnown(1, 1, 1)); err == nil {
			t.Errorf("%q: saved over it", text)
		}
		if got, err := os.ReadFile(f.path); err != nil || string(got) != text {
			t.Errorf("%q was changed to %q, %v", text, got, err)
		}
	}
}

func TestStateFileOfManyWorkers(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			f := newStateFile(dir, false, []string{"a"}, "/seqd")
			for i := range 20 {
				if err := f.save(someKnown(1, uint64(w), int64(1+i*8+w))); err != nil {
					t.Error(err)
				}
				if _, err := f.load(); err != nil { // never half a file
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got := mustLoad(t, newStateFile(dir, false, []string{"a"}, "/seqd")); got.seen.term != 7 || got.seen.rev != 1+19*8+7 {
		t.Errorf("got %+v", got)
	}
}

func TestNoStateFile(t *testing.T) {
	f := newStateFile("", false, []string{"a"}, "/seqd")
	mustSave(t, f, someKnown(1, 1, 1))
	if got := mustLoad(t, f); got != (known{}) {
		t.Errorf("got %+v", got)
	}
}
