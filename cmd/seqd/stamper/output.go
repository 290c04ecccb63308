package stamper

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"
)

// position is how far the output stream has come.
type position struct {
	last   uint64    // sequence of its last message; 0: there never was one
	source uint64    // the source message in it: that one and all before are out
	stored time.Time // when the source stream stored that; zero: not known
	made   time.Time // when the source stream was made; zero: not known
}

// output is the output stream.
type output struct {
	js       jetstream.JetStream
	stream   string
	domain   string    // JetStream domain that the stream is in, as its server says; "": none
	made     time.Time // when the stream was made; Run's alone
	maxSize  int       // bytes that it takes of a message, headers included, when it was looked at; Run's alone
	source   string    // name of the source stream
	consumer string    // name of the consumer
}

// errNoEvidence is returned by read when the last message is gone.
var errNoEvidence = errors.New("the last message is gone")

// read returns the position, and when the stream was made. With errNoEvidence
// the position has the last sequence that is known, and nothing else.
func (o *output) read(ctx context.Context) (at position, made time.Time, err error) {
	callCtx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	stream, err := o.js.Stream(callCtx, o.stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return at, made, doubt(fmt.Errorf("the output stream %s is gone, and what it held of %s is acknowledged: restore it, or make it again and start again, which says how to go on", o.stream, o.source))
	}
	if err != nil {
		return at, made, fmt.Errorf("look at the output stream %s: %w", o.stream, err)
	}
	info := stream.CachedInfo()
	o.limit(info.Config)
	at, made = position{last: info.State.LastSeq}, info.Created
	if at.last < max(info.Config.FirstSeq, 1) { // there never was a message
		return at, made, nil
	}
	msg, err := readMessage(ctx, o.js, o.stream, at.last)
	if errors.Is(err, errNotStored) {
		return at, made, errNoEvidence
	}
	if err != nil {
		return at, made, err
	}
	at, err = o.evidence(msg, at)
	return at, made, err
}

// evidence reads from the output's last message how far the source has been
// stamped.
func (o *output) evidence(msg *storedMsg, at position) (position, error) {
	header, err := msg.header()
	if err != nil {
		return at, fmt.Errorf("read %s:%d: %w", o.stream, at.last, err)
	}
	stream, seq, err := parseMsgID(header.Get(jetstream.MsgIDHeader))
	stamper := header.Get(StamperHeader)
	if err != nil || stream != o.source || stamper != o.consumer {
		who, remedy := "no stamper", fmt.Sprintf("remove it with: nats stream rmm %s %d", o.stream, at.last)
		if stamper != "" && err == nil {
			who, remedy = fmt.Sprintf("a stamper of stream %s, consumer %s", stream, stamper), "give each its own output stream (a third stream can have both as its sources)"
		}
		return at, stop(fmt.Errorf("the last message of the output stream %s (sequence %d, subject %s) was written by %s, and not by one of stream %s, consumer %s. "+
			"The last message tells what is already stamped, so nobody else may write to that stream: %s", o.stream, at.last, msg.Subject, who, o.source, o.consumer, remedy))
	}
	at.source = seq
	at.stored, _ = time.Parse(time.RFC3339Nano, header.Get(SourceTimeHeader)) // zero: not known
	at.made, _ = time.Parse(time.RFC3339Nano, header.Get(SourceMadeHeader))   // so are those of older versions
	return at, nil
}

// publish appends msgs to the output stream, all or none, if its last sequence
// is still last. It returns the new one.
//
// errConflict means that nothing was published. After any other error the batch
// may have been published, or may be yet; but not once anything else has been.
func (o *output) publish(ctx context.Context, last uint64, msgs []*nats.Msg) (_ uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	msgs[0].Header.Set(jetstream.ExpectedLastSeqHeader, strconv.FormatUint(last, 10))
	msgs[0].Header.Set(jetstream.ExpectedStreamHeader, o.stream)
	if last, err = o.send(ctx, msgs); err == nil {
		return last, nil
	}
	err = fmt.Errorf("publish %d messages to %s: %w", len(msgs), o.stream, err)
	return 0, o.judge(err, len(msgs))
}

// send is one step for the server, whatever the number of messages. One alone
// needs no atomic batch, for which a stream of one replica writes and syncs
// files of its own.
func (o *output) send(ctx context.Context, msgs []*nats.Msg) (last uint64, err error) {
	if len(msgs) > 1 {
		ack, err := jetstreamext.PublishMsgBatch(ctx, o.js, msgs, jetstreamext.BatchFlowControl{})
		if err != nil {
			return 0, err
		}
		return ack.Sequence, o.answeredBy(ack.Domain)
	}
	ack, err := o.js.PublishMsg(ctx, msgs[0], jetstream.WithRetryAttempts(0)) // trying again is Run's business
	switch {
	case err != nil:
		return 0, err
	case ack.Duplicate: // of a message with another id: this one is nowhere
		return 0, errDuplicate
	}
	return ack.Sequence, o.answeredBy(ack.Domain)
}

// answeredBy refuses an acknowledgement of another JetStream domain. A stream there
// may have the name and the subjects of the output stream: both get what is
// published, and the nearer one answers first, or alone if the link to the other
// one is cut.
func (o *output) answeredBy(domain string) error {
	if domain == o.domain {
		return nil
	}
	name := func(domain string) string { return cmp.Or(domain, "without a name") }
	return stop(fmt.Errorf("a stream %s of the JetStream domain %s has answered in place of the one of the domain %s: it has the same subjects, so that what is stamped comes into both. "+
		"Give one of them other subjects, or stamp into a subject that only the output stream has", o.stream, name(domain), name(o.domain)))
}
