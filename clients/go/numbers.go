package seqd

import (
	"context"
	"strings"
)

// Numbers is ids, and the numbers that people get to see in their place, as
// [Client.Numbers] returns them.
type Numbers struct {
	// Range holds the ids. A key with periods counts from 1 in each of them, so there an
	// id is unique together with its period.
	Range

	// Period is the one the ids are of, such as "2026" or "2026-11-29"; empty where
	// the key does not count in periods.
	Period string

	// Numbers has the number of each id; empty for a key whose ids are not written as
	// numbers.
	Numbers []string

	// Replayed says that an earlier request with the same idempotency key had got this
	// answer already, see [WithIdempotencyKey].
	Replayed bool
}

// String returns the numbers, with a space between two, and the ids where there are
// none.
func (n Numbers) String() string {
	if len(n.Numbers) == 0 {
		return n.Range.String()
	}
	return strings.Join(n.Numbers, " ")
}

// askNumbers requests n ids with what comes with them.
func (t *target) askNumbers(ctx context.Context, n int) (Numbers, error) {
	reply, err := t.request(ctx, n)
	if err != nil {
		return Numbers{}, err
	}
	numbers := reply.Numbers
	if len(numbers) != 0 && len(numbers) != n {
		// Who gets two numbers for three ids would write one of them twice, or none.
		return Numbers{}, internal("the worker answered a request for %d ids with %d numbers", n, len(numbers))
	}
	return Numbers{
		Range:    Range{First: reply.ID, N: reply.N},
		Period:   reply.Period,
		Numbers:  numbers,
		Replayed: reply.Replayed,
	}, nil
}
