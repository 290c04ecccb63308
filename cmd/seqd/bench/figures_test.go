package bench

import (
	"reflect"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, test := range []struct {
		values []float64
		want   float64
	}{
		{nil, 0}, {[]float64{3}, 3}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 2, 100}, 3},
	} {
		if got := median(test.values); got != test.want {
			t.Errorf("%v: got %v, want %v", test.values, got, test.want)
		}
	}
}

func TestMiddle(t *testing.T) {
	got := middle([]Figures{
		{Requests: 10, Rate: 10, IDs: 20, P50: 5, P90: 6, P99: 7, Max: 8, Errors: map[string]int64{"BUSY": 1}},
		{Requests: 30, Rate: 30, IDs: 60, P50: 1, P90: 2, P99: 3, Max: 99, Errors: map[string]int64{"BUSY": 2, "EXPIRED": 1}},
		{Requests: 20, Rate: 20, IDs: 40, P50: 3, P90: 4, P99: 5, Max: 6},
	})
	want := Figures{Requests: 60, Rate: 20, IDs: 40, P50: 3, P90: 4, P99: 5, Max: 99, Errors: map[string]int64{"BUSY": 3, "EXPIRED": 1}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestUnits(t *testing.T) {
	for got, want := range map[string]string{
		thousands(0): "0", thousands(999.6): "1 000", thousands(1234567): "1 234 567",
		us(0): "-", us(0.5): "0.50 µs", us(56.14): "56.1 µs", us(999.4): "999 µs", us(1000): "1.00 ms", us(12_345): "12.3 ms", us(2.5e6): "2.50 s",
		Counted(1, "key"): "1 key", Counted(1024, "caller"): "1 024 callers",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
