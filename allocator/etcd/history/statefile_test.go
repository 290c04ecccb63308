package history

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/seqd-io/seqd/allocator/etcd/record"
)

func someKnown(epoch int64, term uint64, rev int64) past {
	return past{Incarnation: record.Incarnation{Lineage: "a", Epoch: epoch, Seen: record.Sight{Cluster: 0xbeef, Term: term, Rev: rev}}, recorded: rev - 1}
}

var somewhere = record.PlaceOf("/seqd", []string{"b:2379", "a:2379"})

// mustRecall returns what is remembered of store a.
func mustRecall(t *testing.T, m memory) remembered {
	t.Helper()
	all, err := m.recall()
	if err != nil {
		t.Fatal(err)
	}
	return all.against(&record.Incarnation{Lineage: "a"}, record.Place{})
}

func mustSave(t *testing.T, m memory, p past) {
	t.Helper()
	if err := m.save(p); err != nil {
		t.Fatal(err)
	}
}

func TestStateFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "by", "save")
	m := memory{dir: dir, here: somewhere}
	if got := mustRecall(t, m); got.past != (past{}) {
		t.Errorf("without a file: got %+v", got)
	}
	mustSave(t, m, someKnown(1, 5, 10))
	elsewhere := memory{dir: dir, here: record.PlaceOf("/other", []string{"c:2379"})}
	got := mustRecall(t, elsewhere)
	if got.past != someKnown(1, 5, 10) || !slices.Equal(got.files, []string{filepath.Join(dir, "a.json")}) {
		t.Errorf("got %+v", got)
	}

	// Several workers write: the maxima count, each by itself, and all places.
	mustSave(t, elsewhere, someKnown(1, 3, 20))
	got = mustRecall(t, m)
	if got.past != someKnown(1, 5, 20) || !got.claims(somewhere) || !got.claims(elsewhere.here) || got.claims(record.PlaceOf("/seqd", []string{"c:2379"})) {
		t.Errorf("got %+v", got)
	}
	// One that was fenced is not forgotten, until the epoch is raised.
	fenced := someKnown(1, 5, 20)
	fenced.Fenced = "it fell"
	mustSave(t, m, fenced)
	mustSave(t, m, someKnown(1, 5, 21))
	if got := mustRecall(t, m); got.Fenced != "it fell" {
		t.Errorf("got %+v", got)
	}
	mustSave(t, m, someKnown(2, 2, 4))
	mustSave(t, m, someKnown(1, 9, 99)) // of a worker that has not seen the jump yet
	if got := mustRecall(t, m); got.past != someKnown(2, 2, 4) {
		t.Errorf("got %+v", got)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*.tmp")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A machine that is upgraded knows what the older version knew, which named its
// files for the endpoints as they were spelled.
func TestStateFileOfTheFirstFormat(t *testing.T) {
	dir := t.TempDir()
	old := filepath.Join(dir, "127.0.0.1_2379-8f0091bc5d42.json")
	text := `{"fmt":1,"endpoints":["http://127.0.0.1:2379"],"prefix":"/seqd/","store":"a","epoch":1,"cluster":"beef","term":5,"rev":10,"recorded":9}`
	if err := os.WriteFile(old, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	m := memory{dir: dir, here: record.PlaceOf("/seqd", []string{"localhost:2379"})}
	got := mustRecall(t, m)
	if got.past != someKnown(1, 5, 10) || !got.claims(m.here) {
		t.Errorf("got %+v", got)
	}
	mustSave(t, m, someKnown(1, 4, 30))
	if got := mustRecall(t, m); got.past != someKnown(1, 5, 30) || len(got.files) != 2 {
		t.Errorf("both files: got %+v", got)
	}
	if data, err := os.ReadFile(old); err != nil || string(data) != text {
		t.Errorf("the older version's file was changed to %s, %v", data, err)
	}
}

func TestStateFileThatIsNotUnderstoodIsLeftAlone(t *testing.T) {
	m := memory{dir: t.TempDir(), here: somewhere}
	path := filepath.Join(m.dir, "a.json")
	other := someKnown(1, 1, 1)
	other.Lineage = "other"
	mustSave(t, m, other)
	for _, text := range []string{"", "{}", `{"fmt":3,"store":"a","cluster":"1"}`, `{"fmt":1,"store":"a","cluster":"1","more":1}`, `{"fmt":2,"store":"a","cluster":"zz"}`} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if all, err := m.recall(); err == nil || len(all) != 1 || all[0].past != other || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: got %+v, %v", text, all, err)
		}
		if err := m.save(someKnown(1, 1, 1)); err == nil {
			t.Errorf("%q: saved over it", text)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != text {
			t.Errorf("%q was changed to %q, %v", text, got, err)
		}
	}
}

func TestStateFileOfManyWorkers(t *testing.T) {
	m := memory{dir: t.TempDir(), here: somewhere}
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 20 {
				if err := m.save(someKnown(1, uint64(w), int64(1+i*8+w))); err != nil {
					t.Error(err)
				}
				if _, err := m.recall(); err != nil { // never half a file
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got := mustRecall(t, m); got.Seen.Term != 7 || got.Seen.Rev != 1+19*8+7 {
		t.Errorf("got %+v", got)
	}
}

func TestNoMemory(t *testing.T) {
	m := memory{here: somewhere}
	mustSave(t, m, someKnown(1, 1, 1))
	if got := mustRecall(t, m); got.past != (past{}) {
		t.Errorf("got %+v", got)
	}
}

// Beside the folder in force only a fence is kept, and looked for.
func TestFencesBesideTheFolder(t *testing.T) {
	fences := t.TempDir()
	m := memory{dir: t.TempDir(), fences: fences, here: somewhere}
	mustSave(t, m, someKnown(1, 1, 1))
	other := memory{fences: fences, here: somewhere}
	if got := mustRecall(t, other); got.past != (past{}) {
		t.Errorf("no fence: got %+v", got)
	}
	fenced := someKnown(1, 1, 1)
	fenced.Fenced = "it fell"
	mustSave(t, m, fenced)
	if got := mustRecall(t, other); got.past != fenced {
		t.Errorf("got %+v", got)
	}
	mustSave(t, memory{dir: fences, here: somewhere}, someKnown(2, 1, 1))
	if got := mustRecall(t, other); got.past != (past{}) {
		t.Errorf("after a jump: got %+v", got)
	}
	if err := (memory{dir: t.TempDir(), fences: "/dev/null/nowhere"}).save(fenced); err != nil {
		t.Errorf("a folder that can't be: %v", err)
	}
}

// Stores that somebody has named by hand are no paths.
func TestStateName(t *testing.T) {
	seen := map[string]bool{}
	for _, store := range []string{record.NewUUID(), "a", "../a", "a/b", "A", ".", "", strings.Repeat("a", 300), "ä"} {
		name := stateName(store)
		if seen[name] || filepath.Base(name) != name || strings.HasPrefix(name, ".") && store != "" || len(name) > 110 {
			t.Errorf("%q: %s", store, name)
		}
		seen[name] = true
	}
}

func TestPlacesAreBounded(t *testing.T) {
	var places []record.Place
	for i := range 3 * maxEndpoints {
		places = withPlace(places, record.PlaceOf("/seqd", []string{fmt.Sprintf("127.0.0.1:%d", i+1)}))
	}
	last := fmt.Sprintf("localhost:%d", 3*maxEndpoints)
	if len(places) != 1 || len(places[0].Endpoints) != maxEndpoints || places[0].Endpoints[maxEndpoints-1] != last {
		t.Errorf("got %v", places)
	}
}

// A file of a newer version, whose fields may be others, was said to have a
// syntax error, and the advice was to remember nothing.
func TestStateFileOfANewerVersion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.json")
	if err := os.WriteFile(path, []byte(`{"fmt":3,"store":"a"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readState(path); err == nil || !strings.Contains(err.Error(), "format 3, this version knows 2: a newer version wrote it") {
		t.Errorf("err = %v", err)
	}
}
