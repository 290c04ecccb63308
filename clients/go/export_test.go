package seqd

import "context"

// What the tests of the retry loop need to see; they run without a server, on
// testing/synctest's clock.
var WaitAfter = waitAfter

func Retry(ctx context.Context, ask func(context.Context) (Range, error), opts ...Option) (Range, error) {
	s, err := with(&defaults, opts)
	if err != nil {
		return Range{}, err
	}
	return retry(ctx, &s, ask)
}

// NewSequence returns a sequence whose requests are calls of ask.
func NewSequence(ask func(ctx context.Context, n int) (Range, error), opts ...SequenceOption) (*Sequence, error) {
	c := &Client{settings: defaults}
	t, err := newTarget(c, "orders", "invoice", opts)
	if err != nil {
		return nil, err
	}
	return newSequence(t, ask)
}
