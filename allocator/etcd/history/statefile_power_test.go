package history

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/seqd-io/seqd/integration/powerloss"
)

// What was saved outlasts a power loss, the first time and ever after, whatever the
// disk had written of what was not synced. It did not the first time: the folders that
// were made for it were not synced.
func TestStateFileAfterAPowerLoss(t *testing.T) {
	for seed := range uint64(30) {
		disk := powerloss.New(t)
		m := memory{dir: filepath.Join(disk.Path, "made", "by", "save"), here: somewhere}
		rnd := rand.New(rand.NewPCG(seed, 0))
		if seed == 0 {
			rnd = nil // all is lost
		}
		for rev := range int64(4) {
			want := someKnown(1, 5, 10+rev)
			mustSave(t, m, want)
			disk.Cut(t, rnd)
			if got := mustRecall(t, m); got.past != want || !got.claims(somewhere) {
				t.Fatalf("seed %d, revision %d: got %+v", seed, rev, got)
			}
		}
	}
}

// A process that was killed while it replaced the file leaves one that others read, and
// that a power loss may still undo. Who notes the same fence has noted it.
func TestFenceThatSomebodyElseHasNotSynced(t *testing.T) {
	disk := powerloss.New(t)
	m := memory{dir: disk.Path, here: somewhere}
	mustSave(t, m, someKnown(1, 5, 10))
	fenced, other := someKnown(1, 5, 10), memory{dir: t.TempDir(), here: somewhere}
	fenced.Fenced = "it fell"
	mustSave(t, other, fenced)
	data, err := os.ReadFile(filepath.Join(other.dir, "a.json"))
	if err != nil {
		t.Fatal(err)
	}
	replaceAndDie(t, filepath.Join(m.dir, "a.json"), data)
	mustSave(t, m, fenced)
	disk.Cut(t, nil)
	if got := mustRecall(t, m); got.past != fenced {
		t.Errorf("got %+v", got)
	}
}

// replaceAndDie does what replaceFile does, and is killed before the last step.
func replaceAndDie(t *testing.T, path string, data []byte) {
	t.Helper()
	file, err := os.Create(path + ".tmp")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err = file.Write(data); err == nil {
		err = file.Sync()
	}
	if err == nil {
		err = os.Rename(path+".tmp", path)
	}
	if err != nil {
		t.Fatal(err)
	}
}
