package stamper

import (
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	seqd "github.com/seqd-io/seqd/clients/go"
)

// clockSlack is how far the clocks of JetStream's servers may be apart: after a
// change of leader, a stream's times may go back by that.
const clockSlack = 10 * time.Second

// stopError is an error that trying again does not help.
type stopError struct{ err error }

func (e stopError) Error() string { return e.err.Error() }
func (e stopError) Unwrap() error { return e.err }

func stop(err error) error { return stopError{err} }

// doubtError is an error that trying again helps if a server that was cut off
// from the others, or has just started, has given the answer; else it stops.
type doubtError struct{ err error }

func (e doubtError) Error() string { return e.err.Error() }

func doubt(err error) error { return doubtError{err} }

// doubtTime is how long a server may give such answers: one that was cut off
// steps down within ten seconds.
const doubtTime = 15 * time.Second

// gone makes an error of the consumer one that ends Run, where that is what it
// means. That there is none is believed when it has been said for doubtTime: so
// says a server of a cluster, too, that has just started and has not heard of it.
func gone(err error) error {
	var end stopError
	var unsure doubtError
	missing := func(err error) error {
		return stop(fmt.Errorf("%w; when started again, the stamper makes a consumer that is missing", err))
	}
	switch {
	case errors.As(err, &end): // it has been through here
		return err
	case errors.Is(err, jetstream.ErrConsumerDeleted): // the consumer itself says so
		return missing(err)
	case errors.As(err, &unsure):
		return err
	case errors.Is(err, jetstream.ErrConsumerNotFound), errors.Is(err, jetstream.ErrConsumerDoesNotExist), errors.Is(err, jetstream.ErrStreamNotFound):
		return doubt(missing(err))
	case errors.Is(err, jetstream.ErrBadRequest), errors.Is(err, nats.ErrConnectionClosed):
		return missing(err)
	}
	return err
}

// refused makes an error of a request for ids one that ends Run, where asking
// again does not help.
func refused(err error) error {
	if errors.Is(err, seqd.ErrBadRequest) || errors.Is(err, seqd.ErrExhausted) || errors.Is(err, nats.ErrConnectionClosed) {
		return stop(err)
	}
	return err
}
