package stamper

import (
	"cmp"
	"context"
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

// gone makes an error of asking for the consumer one that ends Run, where that is
// what it means. That there is none is believed when it has been said for
// doubtTime: so says a server of a cluster, too, that has just started and has not
// heard of it.
func (s *source) gone(err error) error {
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return doubt(stop(sourceGone(s.stream)))
	case errors.Is(err, jetstream.ErrConsumerNotFound), errors.Is(err, jetstream.ErrConsumerDoesNotExist):
		return doubt(stop(s.removed()))
	case errors.Is(err, nats.ErrConnectionClosed):
		return stop(err)
	}
	return err
}

func (s *source) removed() error {
	return fmt.Errorf("consumer %s of stream %s was removed; when started again, the stamper makes one, which goes on after the last message in the output stream", s.name, s.stream)
}

func sourceGone(name string) error {
	return fmt.Errorf("the source stream %s is gone: if it was removed for good, there is nothing left to stamp; one that is made again under its name is another stream, and is stamped through another consumer into another output stream", name)
}

// pullFailed says what an error of a pull means. A consumer that was removed
// answers no pull, as one on a server that restarts.
func (s *Stamper) pullFailed(ctx context.Context, err error) error {
	info, gap := s.source.info(ctx)
	var unsure doubtError
	switch {
	case errors.Is(err, jetstream.ErrConsumerDeleted): // the consumer itself says so
		if errors.As(gap, &unsure) { // and perhaps its stream is gone as well
			return unsure.err
		}
		return stop(s.source.removed())
	case gap != nil:
		return errors.Join(err, gap)
	case errors.Is(err, nats.ErrConnectionClosed):
		return stop(err)
	case errors.Is(err, jetstream.ErrBadRequest):
		return stop(cmp.Or(s.checkConsumer(info), err))
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
