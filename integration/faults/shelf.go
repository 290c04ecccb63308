package faults

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// shelf is a file for the pages of a tally that memory has no room for. It is for
// one goroutine at a time.
type shelf struct {
	room  int // pages that may be in memory; at least 1
	file  *os.File
	slots map[int64]int64 // where a page is in the file, by its number
}

const pageBytes = pageIDs / 8

// newShelf returns an empty shelf, which the test's end removes.
func newShelf(t testing.TB, name string, room int) *shelf {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return &shelf{room: room, file: file, slots: map[int64]int64{}}
}

func (s *shelf) put(number int64, p *page) error {
	slot, ok := s.slots[number]
	if !ok {
		slot = int64(len(s.slots))
		s.slots[number] = slot
	}
	b := make([]byte, 0, pageBytes)
	for _, word := range p {
		b = binary.LittleEndian.AppendUint64(b, word)
	}
	if _, err := s.file.WriteAt(b, slot*pageBytes); err != nil {
		return fmt.Errorf("put page %d away: %w", number, err)
	}
	return nil
}

// get fills p with what was put away, if it was.
func (s *shelf) get(number int64, p *page) error {
	slot, ok := s.slots[number]
	if !ok {
		return nil
	}
	b := make([]byte, pageBytes)
	if _, err := s.file.ReadAt(b, slot*pageBytes); err != nil {
		return fmt.Errorf("get page %d back: %w", number, err)
	}
	for i := range p {
		p[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return nil
}
