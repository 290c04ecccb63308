package worker

import (
	"errors"
	"fmt"
	"testing"
)

// Each reason is told once, from one connection to the next; and there is an end
// to what is remembered.
func TestReasonsAreToldOnce(t *testing.T) {
	var c connecting
	refused, cut := errors.New("refused"), errors.New("cut")
	for i, test := range []struct {
		err  error
		want bool
	}{{refused, true}, {refused, false}, {cut, true}, {refused, false}, {cut, false}} {
		if got := c.isNew(test.err); got != test.want {
			t.Errorf("%d: got %v for %v, want %v", i, got, test.err, test.want)
		}
	}
	c.done()
	if !c.isNew(refused) {
		t.Error("not told again after a connection")
	}
	for i := range 2 * maxReasons {
		c.isNew(fmt.Errorf("error %d", i))
	}
	if len(c.told) > maxReasons {
		t.Errorf("%d reasons are remembered", len(c.told))
	}
}
