package actor_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/seqd-io/seqd/cmd/seqd/actor"
	"github.com/seqd-io/seqd/cmd/seqd/actor/actortest"
)

// What runs beside main does not hear a signal: it goes on while main drains, and
// ends when main has.
func TestMainDrainsBeforeTheOthersEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, signal := context.WithCancel(t.Context())
		drained := make(chan struct{})
		beside, ended := make(chan struct{}), make(chan error, 1)
		var g actor.Group
		g.Add(func(ctx context.Context) error {
			defer close(beside)
			<-ctx.Done()
			return errors.New("not the first to end")
		})
		go func() {
			ended <- g.Run(ctx, func(ctx context.Context) error {
				<-ctx.Done()
				<-drained
				return nil
			})
		}()
		signal()
		synctest.Wait()
		select {
		case <-beside:
			t.Error("an actor ended while main drained")
		default:
		}
		close(drained)
		if err := <-ended; err != nil {
			t.Errorf("got %v, want what main returned", err)
		}
	})
}

// The first error is the group's, and main hears of it as of a signal.
func TestFirstErrorEndsMain(t *testing.T) {
	want := errors.New("failed")
	var g actor.Group
	g.Add(func(context.Context) error { return want })
	err := g.Run(t.Context(), func(ctx context.Context) error {
		<-ctx.Done()
		return nil
	})
	if !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
}

func TestHTTPEnds(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	actortest.Ends(t, "HTTP", actor.HTTP(http.NotFoundHandler(), l))
	if _, err := net.Dial("tcp", l.Addr().String()); err == nil {
		t.Error("the listener is still open")
	}
}
