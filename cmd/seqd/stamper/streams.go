package stamper

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// openSource looks at the source stream.
func (s *Stamper) openSource(ctx context.Context) (*jetstream.StreamInfo, error) {
	stream, err := s.js.Stream(ctx, s.config.Stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, fmt.Errorf("there is no source stream %s; make it first, or look for its name with: nats stream ls", s.config.Stream)
	}
	if err != nil {
		return nil, fmt.Errorf("look at the source stream %s: %w", s.config.Stream, err)
	}
	return stream.CachedInfo(), nil
}

// openOutput finds the output stream and refuses one with which a guarantee
// would not hold.
func (s *Stamper) openOutput(ctx context.Context, source *jetstream.StreamInfo) (*jetstream.StreamInfo, error) {
	pattern := s.template.Pattern()
	advice := fmt.Sprintf("nats stream add NAME --subjects '%s' --allow-batch", pattern)
	name, err := s.js.StreamNameBySubject(ctx, pattern)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		where := ""
		if domain := s.js.Options().Domain; domain != "" {
			where = " in the JetStream domain " + domain
		}
		return nil, fmt.Errorf("no stream captures the output subject %s%s; make one first: %s. Source and output are in one domain: a stream in another JetStream domain can have the output stream as its source",
			pattern, where, advice)
	}
	if err != nil {
		return nil, fmt.Errorf("look for the stream of the output subject %s: %w", pattern, err)
	}
	stream, err := s.js.Stream(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("look at the output stream %s: %w", name, err)
	}
	info := stream.CachedInfo()
	has := info.Config
	if name == s.config.Stream || pulls(source.Config, name) {
		return nil, fmt.Errorf("the output subject %s belongs to stream %s, whose messages come into the source stream %s again: a loop; use another output subject, and a stream of its own for it: %s",
			pattern, name, s.config.Stream, advice)
	}
	var wrong []string
	complain := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if !slices.ContainsFunc(has.Subjects, func(subject string) bool { return covers(subject, pattern) }) {
		complain("it captures only part of the output subjects %s; add %s to its subjects", pattern, pattern)
	}
	if !has.AllowAtomicPublish {
		complain("it does not allow atomic publishes; allow them with: nats stream edit %s --allow-batch", name)
	}
	if has.Retention != jetstream.LimitsPolicy {
		complain("its retention is %v, so that the last message, which tells what is already stamped, goes when it is consumed; it must be limits (a stream with that retention can have this one as its source)",
			has.Retention)
	}
	if len(has.Sources) > 0 {
		complain("it has sources, and nobody but the stamper may write to it")
	}
	if has.SubjectDeleteMarkerTTL > 0 {
		complain("the server writes delete markers into it, and nobody but the stamper may write to it; turn them off with: nats stream edit %s --subject-del-markers-ttl=0s", name)
	}
	if has.AllowMsgSchedules {
		complain("it allows schedules, by which the server writes messages into it, and nobody but the stamper may write to it; make it without (--allow-schedules)")
	}
	if has.AllowMsgCounter {
		complain("it is a stream of counters; make it without (--allow-counter)")
	}
	if to, ok := republishes(has, source.Config.Subjects); ok {
		complain("it republishes to %s, which belongs to the source stream %s: a loop", to, s.config.Stream)
	}
	if to, ok := republishes(source.Config, has.Subjects); ok {
		complain("the source stream %s republishes to %s, which belongs to it, and nobody but the stamper may write to it", s.config.Stream, to)
	}
	if has.NoAck {
		complain("it does not acknowledge publishes (no_ack)")
	}
	if has.Sealed {
		complain("it is sealed, for ever; use another one")
	}
	if len(wrong) > 0 {
		return nil, fmt.Errorf("the output stream %s can't be used: %s", name, strings.Join(wrong, "; "))
	}
	return info, nil
}

// pulls tells whether messages of the named stream come into this one.
func pulls(config jetstream.StreamConfig, name string) bool {
	return config.Mirror != nil && config.Mirror.Name == name ||
		slices.ContainsFunc(config.Sources, func(s *jetstream.StreamSource) bool { return s.Name == name })
}

// republishes tells whether what a stream republishes may go to one of these
// subjects.
func republishes(config jetstream.StreamConfig, subjects []string) (to string, ok bool) {
	if config.RePublish == nil {
		return "", false
	}
	to = config.RePublish.Destination
	tokens := strings.Split(to, ".")
	for i, tok := range tokens {
		if strings.Contains(tok, "{{") || strings.HasPrefix(tok, "$") {
			tokens[i] = "*"
		}
	}
	pattern := strings.Join(tokens, ".")
	return to, slices.ContainsFunc(subjects, func(subject string) bool { return overlap(subject, pattern) })
}
