package stamper

import (
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Errors of JetStream that matter here and have no name in nats.go.
const (
	codeMessageNotFound jetstream.ErrorCode = 10037
	codeMessageTooLarge jetstream.ErrorCode = 10054
	codeOtherStream     jetstream.ErrorCode = 10060
	codeStoreFailed     jetstream.ErrorCode = 10077
	codeHeaderTooLarge  jetstream.ErrorCode = 10097
	codeSealed          jetstream.ErrorCode = 10109
	codeCounterMissing  jetstream.ErrorCode = 10169
	codeAtomicDisabled  jetstream.ErrorCode = 10174
	codeBatchTooLarge   jetstream.ErrorCode = 10199
	codeDuplicate       jetstream.ErrorCode = 10201
)

var (
	// errConflict is returned by publish when somebody else has written to the
	// output stream.
	errConflict = errors.New("somebody else has written to the output stream")

	// errFull is returned by publish when the output stream has no room for the
	// batch, and does not discard old messages for it.
	errFull = errors.New("the output stream is full")

	// errDuplicate is returned by send for a single message whose Nats-Msg-Id the
	// output stream remembers; of a batch it says so with codeDuplicate.
	errDuplicate = errors.New("duplicate message id")
)

// judge sorts the errors of a publish of n messages: into those that the next
// attempt meets again until somebody changes something, which end Run and say
// what to change, and all others. DESIGN.md has the table.
func (o *output) judge(err error, n int) error {
	var api *jetstream.APIError
	if !errors.As(err, &api) {
		if errors.Is(err, errDuplicate) {
			return o.remembered(err)
		}
		return err
	}
	permanent := func(remedy string, args ...any) error {
		return stop(fmt.Errorf("%w; "+remedy, append([]any{err}, args...)...))
	}
	switch api.ErrorCode {
	case jetstream.JSErrCodeStreamWrongLastSequence, jetstream.JSErrCodeStreamWrongLastSequenceConstant:
		return fmt.Errorf("%w: %w", errConflict, err)
	case codeDuplicate:
		return o.remembered(err)
	case codeStoreFailed:
		if strings.Contains(api.Description, "maximum") {
			return fmt.Errorf("%w: %w; make room, or raise its limits with: nats stream edit %s", errFull, err, o.stream)
		}
		if strings.Contains(api.Description, "too large") {
			return permanent("start again with --on-bad skip to pass over such messages")
		}
	case codeBatchTooLarge:
		limit := api.Description[strings.LastIndexByte(api.Description, ' ')+1:]
		return permanent("the nats-server takes %s messages in a batch: start with --batch %s, or raise max_msgs of jetstream { limits { batch { max_msgs: … } } } in its configuration to %d", limit, limit, n)
	case codeAtomicDisabled:
		return permanent("allow it with: nats stream edit %s --allow-batch", o.stream)
	case codeMessageTooLarge:
		return permanent("its max_msg_size was lowered: raise it with: nats stream edit %s --max-msg-size, or start again with --on-bad skip to pass over such messages", o.stream)
	case codeHeaderTooLarge:
		return permanent("start again with --on-bad skip to pass over such messages")
	case codeSealed:
		return permanent("a sealed stream takes no messages ever again: stamp through another consumer into another output stream (--consumer, --to)")
	case codeOtherStream:
		return permanent("the output subject belongs to another stream now: see to it that %s has it, or stamp through another consumer into another output stream", o.stream)
	case codeCounterMissing:
		return permanent("it is a stream of counters: stamp through another consumer into another output stream")
	}
	return err
}

func (o *output) remembered(err error) error {
	return fmt.Errorf("%w: %s remembers a message that it no longer holds; have messages been removed from it? It forgets when its duplicate window has passed", err, o.stream)
}

// denied makes err one that ends Run if NATS has refused this user a subject that
// the stamper uses, since before: the request that needed it has only timed out.
func (s *Stamper) denied(before, err error) error {
	violation := s.js.Conn().LastError()
	if violation == nil || violation == before || !errors.Is(violation, nats.ErrPermissionViolation) {
		return err
	}
	_, subject, _ := strings.Cut(violation.Error(), `"`)
	subject, _, _ = strings.Cut(subject, `"`)
	if !s.uses(subject) {
		return err // the connection's owner has other business, too
	}
	return stop(fmt.Errorf("%w; %w: allow it to this user (cmd/seqd/stamper/README.md lists what a stamper needs)", err, violation))
}

func (s *Stamper) uses(subject string) bool {
	inbox := s.js.Conn().Opts.InboxPrefix
	if inbox == "" {
		inbox = nats.InboxPrefix
	}
	for _, prefix := range []string{apiSubject(s.js, ""), "$JS.ACK.", strings.TrimSuffix(inbox, ".") + "."} {
		if strings.HasPrefix(subject, prefix) {
			return true
		}
	}
	tokens := strings.Split(subject, ".")
	return covers(s.template.Pattern(), subject) || len(tokens) > 2 && tokens[1] == s.config.Store
}
