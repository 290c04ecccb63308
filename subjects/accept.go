package subjects

import (
	"strconv"
	"strings"
)

// Format is the form in which a reply is written.
type Format uint8

const (
	Msgpack Format = iota
	JSON
	Text
)

// MediaType returns the format's name in an Accept header.
func (f Format) MediaType() string {
	switch f {
	case JSON:
		return "application/json"
	case Text:
		return "text/plain"
	}
	return "application/msgpack"
}

// parseAccept returns the format that an Accept header wants most. It reads what
// HTTP libraries send, for their headers are forwarded to NATS: lists, qualities,
// and "anything", which means own, the format that the body has. With an error comes
// own.
func parseAccept(s string, own Format) (Format, *Error) {
	for _, f := range [...]Format{Msgpack, JSON, Text} { // as most write it
		if s == f.MediaType() {
			return f, nil
		}
	}
	best, bestQuality, vague := own, 0.0, true
	for rest, more := s, true; more; {
		var item string
		item, rest, more = strings.Cut(rest, ",")
		media, parameters, _ := strings.Cut(item, ";")
		format, any, ok := formatOf(strings.TrimSpace(media), own)
		if !ok {
			continue
		}
		q := quality(parameters)
		if q > bestQuality || q == bestQuality && q > 0 && vague && !any {
			best, bestQuality, vague = format, q, any
		}
	}
	if bestQuality == 0 {
		return own, badRequest("Accept must be application/msgpack, application/json or text/plain, not %.40q", s)
	}
	return best, nil
}

// formatOf returns the format of a media type or a range of them; any means that
// more than one of ours is in it.
func formatOf(media string, own Format) (f Format, any, ok bool) {
	for _, f := range [...]Format{Msgpack, JSON, Text} {
		if strings.EqualFold(media, f.MediaType()) {
			return f, false, true
		}
	}
	switch {
	case media == "*/*", strings.EqualFold(media, "application/*"):
		return own, true, true
	case strings.EqualFold(media, "text/*"):
		return Text, true, true
	}
	return own, false, false
}

// quality returns the q among a media range's parameters: 1 where there is none,
// and 0, "not that", for one that is no number from 0 to 1.
func quality(parameters string) float64 {
	for rest, more := parameters, true; more; {
		var p string
		p, rest, more = strings.Cut(rest, ";")
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		if !strings.EqualFold(name, "q") {
			continue
		}
		q, err := strconv.ParseFloat(value, 64)
		if err != nil || !(q >= 0 && q <= 1) {
			return 0
		}
		return q
	}
	return 1
}
