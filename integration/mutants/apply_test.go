package main

import (
	"testing"
)

// A mutant whose text is gone from its file shows nothing any more; run is for
// whoever has minutes.
func TestMutantsApply(t *testing.T) {
	t.Chdir("../..")
	for _, m := range mutants {
		if _, err := m.overlay(t.TempDir()); err != nil {
			t.Errorf("%s: %v", m.name, err)
		}
	}
}
