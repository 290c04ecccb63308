package stamper

import (
	"errors"
	"fmt"
	"log/slog"

	seqd "github.com/seqd-io/seqd/clients/go"
	"github.com/seqd-io/seqd/subjects"
)

// Limits of [Config.Batch].
const (
	DefaultBatch = 256
	MaxBatch     = 1000 // what nats-server takes in one atomic publish, unless configured
)

// Config says what a [Stamper] does. Stream, Consumer, Store, Key and To are
// required.
type Config struct {
	Stream   string // where messages come from
	Consumer string // name of the durable consumer on Stream; made if missing
	Store    string // the seqd store
	Key      Key    // gives each message's key
	To       string // output subject, a template: see [Template]

	// Mode is how ids are ordered. The zero value means Strong. With Weak, ids
	// are unique and increase in trend only.
	Mode seqd.Mode

	// Batch is the number of messages that are fetched and published at a time, 1
	// to MaxBatch. 0 means DefaultBatch. What is in one batch may become a gap of
	// that many ids when a stamper is killed.
	Batch int

	// SkipBad passes over messages that can't be stamped (no key, a key that is
	// too long, no such token for the output subject, too large with the headers
	// added): they are terminated, counted and logged, and are not in the output.
	// The zero value is to stop with an [ErrBadMessage].
	SkipBad bool

	// Filters are the consumer's filter subjects, for when it is made; an
	// existing consumer must have the same. Empty means all messages, or what an
	// existing consumer has.
	Filters []string

	// StartSeq is the first source sequence to stamp, for when the consumer is
	// made. 0 means after the last one in the output stream, or the first one
	// there is. What the output stream shows to be published is not stamped again.
	StartSeq uint64

	// Log gets what happens. nil means nothing is logged.
	Log *slog.Logger
}

// settle fills in defaults and checks what can be checked without asking NATS.
func (c *Config) settle() error {
	if c.Mode == seqd.DefaultMode {
		c.Mode = seqd.Strong
	}
	if c.Batch == 0 {
		c.Batch = DefaultBatch
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	switch {
	case c.Stream == "":
		return errors.New("stamp: no source stream is named")
	case c.Consumer == "":
		return errors.New("stamp: no consumer is named")
	case c.Key == nil:
		return errors.New("stamp: nothing says what a message's key is: set KeyToken, KeyHeader, KeyText or a function")
	case c.Batch < 1 || c.Batch > MaxBatch:
		return fmt.Errorf("stamp: the batch must be 1 to %d messages, not %d", MaxBatch, c.Batch)
	case c.Mode > seqd.Strong:
		return fmt.Errorf("stamp: mode must be Weak or Strong, not %d", c.Mode)
	}
	if err := subjects.CheckToken("store", c.Store); err != nil {
		return fmt.Errorf("stamp: %w", err)
	}
	return nil
}
