package powerloss_test

import (
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seqd-io/seqd/integration/powerloss"
)

// What was not synced is gone, and what was is there: data by its file, an entry by its
// folder.
func TestWhatIsLost(t *testing.T) {
	for _, test := range []struct {
		name string
		do   func(*steps)
		want string // name=text of every file that is left, and folders as name/
	}{
		{"a file of before", func(*steps) {}, "old=before"},
		{"a file that nobody synced", func(s *steps) { s.write("new", "text") }, "old=before"},
		{"data without its entry", func(s *steps) { s.write("new", "text"); s.sync("new") }, "old=before"},
		{"an entry without its data", func(s *steps) { s.write("new", "text"); s.sync("") }, "new= old=before"},
		{"both", func(s *steps) { s.write("new", "text"); s.sync("new"); s.sync("") }, "new=text old=before"},
		{"what was written over", func(s *steps) { s.write("old", "second") }, "old=before"},
		{"what was written over, and synced", func(s *steps) { s.write("old", "second"); s.sync("old") }, "old=second"},
		{"what was written after the sync", func(s *steps) { s.write("old", "second"); s.sync("old"); s.write("old", "third!") }, "old=second"},
		{"a removal", func(s *steps) { s.remove("old") }, "old=before"},
		{"a removal that was synced", func(s *steps) { s.remove("old"); s.sync("") }, ""},
		{"a rename", func(s *steps) { s.write("tmp", "after"); s.sync("tmp"); s.rename("tmp", "old") }, "old=before"},
		{"a rename that came without its data", func(s *steps) { s.write("tmp", "after"); s.rename("tmp", "old"); s.sync("") }, "old="},
		{"a rename with its data", func(s *steps) { s.write("tmp", "after"); s.sync("tmp"); s.rename("tmp", "old"); s.sync("") }, "old=after"},
		{"a folder whose own entry was not synced", func(s *steps) { s.mkdir("d"); s.write("d/new", "text"); s.sync("d/new"); s.sync("d") }, "old=before"},
		{"a folder with its entry", func(s *steps) { s.mkdir("d"); s.sync(""); s.write("d/new", "text"); s.sync("d/new"); s.sync("d") }, "d/ d/new=text old=before"},
		{"a rename to another folder, synced there", func(s *steps) { s.mkdir("d"); s.sync(""); s.rename("old", "d/old"); s.sync("d") }, "d/ d/old=before"},
		{"a rename to another folder, synced nowhere", func(s *steps) { s.mkdir("d"); s.sync(""); s.rename("old", "d/old") }, "d/ old=before"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSteps(t)
			test.do(s)
			s.disk.Cut(t, nil)
			if got := s.left(); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// Of what was not synced, a random part is there: over some seeds all that can be left
// is seen, and nothing else.
func TestWhatMayBeLeft(t *testing.T) {
	for _, test := range []struct {
		name string
		do   func(*steps)
		want []string
	}{
		{
			"replaced without any sync",
			func(s *steps) { s.write("tmp", "after"); s.rename("tmp", "old") },
			[]string{"old=", "old=after", "old=before", "old=before tmp=", "old=before tmp=after"},
		},
		{
			"replaced, and the file synced",
			func(s *steps) { s.write("tmp", "after"); s.sync("tmp"); s.rename("tmp", "old") },
			[]string{"old=after", "old=before", "old=before tmp=after"},
		},
		{
			"two writes to a sector",
			func(s *steps) { s.append("old", "+1"); s.append("old", "+2") },
			[]string{"old=before", "old=before+1", "old=before+1+2"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, seen := newSteps(t), map[string]bool{}
			for seed := range uint64(100) {
				s.begin()
				test.do(s)
				s.disk.Cut(t, rand.New(rand.NewPCG(seed, 0)))
				seen[s.left()] = true
			}
			if got := slices.Sorted(maps.Keys(seen)); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// Of writes to several sectors, each may be there without the others, also one without
// an earlier one.
func TestSectors(t *testing.T) {
	s, seen := newSteps(t), map[string]bool{}
	for seed := range uint64(300) {
		s.begin()
		for i, text := range []string{"1", "2", "3"} {
			s.must(write(s.path("old"), 0, []byte(text), 512*int64(i+1)))
		}
		s.disk.Cut(t, rand.New(rand.NewPCG(seed, 0)))
		seen[strings.TrimPrefix(strings.ReplaceAll(s.left(), "\x00", ""), "old=")] = true
	}
	want := []string{"before", "before1", "before12", "before123", "before13", "before2", "before23", "before3"}
	if got := slices.Sorted(maps.Keys(seen)); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A long write may be torn, between two sectors.
func TestTornWrite(t *testing.T) {
	s, after, sizes := newSteps(t), strings.Repeat("x", 8<<10), map[int]bool{}
	for seed := range uint64(200) {
		s.begin()
		s.append("old", after)
		s.disk.Cut(t, rand.New(rand.NewPCG(seed, 0)))
		size, whole := len(strings.TrimPrefix(s.left(), "old=")), len("before"+after)
		if size%512 > 0 && size != len("before") && size != whole {
			t.Fatalf("seed %d: %d bytes of %d are left", seed, size, whole)
		}
		sizes[size] = true
	}
	if len(sizes) < 4 {
		t.Errorf("only these sizes were left: %v", sizes)
	}
}

// From the moment on at which the power is lost nothing is done any more: not even a
// sync that was under way.
func TestOff(t *testing.T) {
	s := newSteps(t)
	s.write("old", "second")
	s.disk.SyncTakes(time.Hour)
	ended := make(chan error)
	go func() { ended <- sync(s.path("old")) }()
	s.disk.Off()
	for what, err := range map[string]error{
		"a sync under way": <-ended,
		"a sync":           sync(s.path("old")),
		"a write":          write(s.path("old"), 0, []byte("third!"), 0),
		"a new file":       write(s.path("new"), 0, nil, 0),
		"a rename":         os.Rename(s.path("old"), s.path("new")),
		"a removal":        os.Remove(s.path("old")),
	} {
		if !errors.Is(err, syscall.EIO) {
			t.Errorf("%s: got %v, want %v", what, err, syscall.EIO)
		}
	}
	s.disk.Cut(t, nil)
	s.disk.SyncTakes(0)
	if got := s.left(); got != "old=before" {
		t.Errorf("got %q", got)
	}
	s.write("old", "second")
	s.sync("old")
	s.disk.Cut(t, nil)
	if got := s.left(); got != "old=second" {
		t.Errorf("with power again: got %q", got)
	}
}

// steps are done to a disk on which there is the file old.
type steps struct {
	testing.TB
	disk *powerloss.Disk
}

func newSteps(t testing.TB) *steps {
	t.Helper()
	s := &steps{t, powerloss.New(t)}
	s.begin()
	return s
}

// begin removes what is left from before.
func (s *steps) begin() {
	s.Helper()
	entries, err := os.ReadDir(s.disk.Path)
	s.must(err)
	for _, e := range entries {
		s.must(os.RemoveAll(s.path(e.Name())))
	}
	s.write("old", "before")
	s.disk.Settle()
}

func (s *steps) path(name string) string { return filepath.Join(s.disk.Path, name) }

func (s *steps) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *steps) write(name, text string) {
	s.Helper()
	s.must(write(s.path(name), 0, []byte(text), 0))
}

func (s *steps) append(name, text string) {
	s.Helper()
	s.must(write(s.path(name), os.O_APPEND, []byte(text), 0))
}

func (s *steps) sync(name string)       { s.Helper(); s.must(sync(s.path(name))) }
func (s *steps) mkdir(name string)      { s.Helper(); s.must(os.Mkdir(s.path(name), 0o755)) }
func (s *steps) remove(name string)     { s.Helper(); s.must(os.Remove(s.path(name))) }
func (s *steps) rename(from, to string) { s.Helper(); s.must(os.Rename(s.path(from), s.path(to))) }

// left describes all that is on the disk.
func (s *steps) left() string {
	s.Helper()
	var all []string
	s.must(filepath.WalkDir(s.disk.Path, func(path string, entry os.DirEntry, err error) error {
		name := strings.TrimPrefix(strings.TrimPrefix(path, s.disk.Path), "/")
		switch {
		case err != nil || name == "":
			return err
		case entry.IsDir():
			all = append(all, name+"/")
			return nil
		}
		data, err := os.ReadFile(path)
		all = append(all, name+"="+string(data))
		return err
	}))
	return strings.Join(all, " ")
}
