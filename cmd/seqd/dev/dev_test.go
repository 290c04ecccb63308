//go:build !lean

package dev

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/seqd-io/seqd/cmd/seqd/actor/actortest"
)

func TestActorsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		actortest.Ends(t, "announce, before the worker is ready", announce(make(chan struct{}), "ready", &out))
		if out.Len() > 0 {
			t.Errorf("it said %q", &out)
		}
		ready := make(chan struct{})
		close(ready)
		actortest.Ends(t, "announce", announce(ready, "ready", &out))
	})
}
