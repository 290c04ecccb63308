// Package actortest tests actors.
package actortest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/seqd-io/seqd/cmd/seqd/actor"
	"github.com/seqd-io/seqd/integration/pace"
)

// Ends fails the test if an actor that runs alone ignores its interrupt.
func Ends(t *testing.T, name string, execute func(context.Context) error) {
	t.Helper()
	other := errors.New("another actor ended")
	began, ended := make(chan struct{}), make(chan error, 1)
	var g actor.Group
	g.Add(func(ctx context.Context) error {
		close(began)
		return execute(ctx)
	})
	go func() {
		ended <- g.Run(t.Context(), func(context.Context) error { <-began; return other })
	}()
	select {
	case err := <-ended:
		if !errors.Is(err, other) {
			t.Errorf("%s ended before it was interrupted: %v", name, err)
		}
	case <-time.After(pace.Patience):
		t.Errorf("%s ignores its interrupt", name)
	}
}
