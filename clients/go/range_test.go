package seqd_test

import (
	"math"
	"slices"
	"testing"

	seqd "github.com/seqd-io/seqd/clients/go"
)

func TestRange(t *testing.T) {
	for _, tt := range []struct {
		ids  seqd.Range
		all  []int64
		last int64
		text string
	}{
		{seqd.Range{First: 1, N: 1}, []int64{1}, 1, "1"},
		{seqd.Range{First: 7, N: 3}, []int64{7, 8, 9}, 9, "7–9"},
		{seqd.Range{First: math.MaxInt64 - 1, N: 2}, []int64{math.MaxInt64 - 1, math.MaxInt64}, math.MaxInt64, "9223372036854775806–9223372036854775807"},
	} {
		if got := slices.Collect(tt.ids.All()); !slices.Equal(got, tt.all) {
			t.Errorf("%v: got %v, want %v", tt.ids, got, tt.all)
		}
		if got := tt.ids.Last(); got != tt.last {
			t.Errorf("%v: got last %d, want %d", tt.ids, got, tt.last)
		}
		if got := tt.ids.String(); got != tt.text {
			t.Errorf("got %q, want %q", got, tt.text)
		}
	}
	for id := range (seqd.Range{}).All() {
		t.Errorf("the zero range yields %d", id)
	}
	for id := range (seqd.Range{First: 5, N: 9}).All() { // leaving early is fine
		if id == 6 {
			break
		}
	}
}
