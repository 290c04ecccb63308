package powerloss_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/seqd-io/seqd/integration/powerloss"
)

// A disk is a folder like any other, until the power is lost: what is done to it and
// to a real one leaves the same behind, and fails for the same reasons. All that is
// synced is there afterwards, too.
func TestDiskIsAFolder(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			disk, real := powerloss.New(t), t.TempDir()
			rnd := rand.New(rand.NewPCG(seed, 0))
			for i := range 400 {
				do := anything(rnd)
				got, want := errno(do(disk.Path)), errno(do(real))
				if got != want {
					t.Fatalf("step %d: got %v, want %v", i, got, want)
				}
				if i%50 == 0 {
					sameFolders(t, disk.Path, real)
				}
			}
			sameFolders(t, disk.Path, real)
			disk.Settle()
			if loss := disk.Cut(t, nil); loss != (powerloss.Loss{}) {
				t.Errorf("lost %v", loss)
			}
			sameFolders(t, disk.Path, real)
		})
	}
}

// anything returns something to do below a folder.
func anything(rnd *rand.Rand) func(root string) error {
	name := func() string {
		parts := make([]string, 1+rnd.IntN(3))
		for i := range parts {
			parts[i] = string(rune('a' + rnd.IntN(4)))
		}
		return filepath.Join(parts...)
	}
	a, b, off, kind := name(), name(), rnd.Int64N(200_000), rnd.IntN(10)
	data := slices.Repeat([]byte{byte(1 + rnd.IntN(255))}, rnd.IntN(70_000))
	return func(root string) error {
		a, b := filepath.Join(root, a), filepath.Join(root, b)
		switch kind {
		case 0, 1:
			return os.Mkdir(a, 0o750)
		case 2:
			return os.Rename(a, b)
		case 3:
			return os.Remove(a)
		case 4:
			return os.Truncate(a, off)
		case 5:
			return write(a, os.O_APPEND, data, 0)
		case 6:
			return write(a, os.O_TRUNC, data, 0)
		case 7:
			return sync(a)
		default:
			return write(a, 0, data, off)
		}
	}
}

// write writes into a file, which is made if it is not there.
func write(path string, flags int, data []byte, off int64) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|flags, 0o640)
	if err != nil {
		return err
	}
	defer f.Close()
	if off == 0 {
		_, err = f.Write(data)
	} else {
		_, err = f.WriteAt(data, off)
	}
	return err
}

func sync(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func errno(err error) (no syscall.Errno) {
	if err != nil && !errors.As(err, &no) {
		panic(err)
	}
	return no
}

// sameFolders checks that the same stands in both.
func sameFolders(t *testing.T, got, want string) {
	t.Helper()
	is, should := everything(t, got), everything(t, want)
	if !slices.Equal(is, should) {
		t.Fatalf("got\n%s\nwant\n%s", strings.Join(is, "\n"), strings.Join(should, "\n"))
	}
}

// everything describes all that stands in a folder.
func everything(t *testing.T, root string) (all []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		text := fmt.Sprintf("%s %v", strings.TrimPrefix(path, root), info.Mode())
		if !entry.IsDir() {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text += fmt.Sprintf(" %d %x", info.Size(), hash(data))
		}
		all = append(all, text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func hash(data []byte) (sum uint64) {
	for _, b := range data {
		sum = sum*1_000_003 + uint64(b)
	}
	return sum
}
