// Package actor runs what a process consists of, as oklog/run has it: the first
// actor that returns interrupts the others, and Run returns what it returned.
//
// An actor is a function of a context, and its interrupt ends that context. There
// is nothing else that it could wait for by mistake: no actor waits for another.
package actor

import (
	"context"

	"github.com/oklog/run"
)

// Group is the actors of a process. The zero value has none.
type Group struct{ group run.Group }

// Add adds an actor. When its context ends it must return soon; it may drain first.
func (g *Group) Add(execute func(context.Context) error) { g.add(context.Background(), execute) }

func (g *Group) add(ctx context.Context, execute func(context.Context) error) {
	ctx, interrupt := context.WithCancel(ctx)
	g.group.Add(func() error { return execute(ctx) }, func(error) { interrupt() })
}

// Run runs main, which is what the process is there for, and the actors that were
// added, until all have returned. The error is that of the first.
//
// Only main hears that ctx has ended, as by a signal: the others go on while it
// drains, and its end is theirs.
func (g *Group) Run(ctx context.Context, main func(context.Context) error) error {
	g.add(ctx, main)
	return g.group.Run()
}
