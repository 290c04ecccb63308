package stamper

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Headers of the output messages, besides the source's own and Nats-Msg-Id,
// which is the source's stream and sequence: ORDERS:17.
const (
	IDHeader         = "Seq-Id"          // the id, decimal
	NumberHeader     = "Seq-Number"      // the number that is printed for the id; only of a key with numbers
	PeriodHeader     = "Seq-Period"      // the period that the id is of; only of a key that counts in some
	StoreHeader      = "Seq-Store"       // the store it is from
	KeyHeaderName    = "Seq-Key"         // the key it is of, as the Key function gave it: not escaped
	StamperHeader    = "Seq-Stamper"     // name of the consumer that the message came through
	SourceTimeHeader = "Seq-Source-Time" // when the source stream stored the message, RFC 3339
	SourceMadeHeader = "Seq-Source-Made" // when the source stream was made, RFC 3339: its sequences are of that stream
)

// ours are the headers that are set anew, whatever the source message has.
var ours = []string{IDHeader, NumberHeader, PeriodHeader, StoreHeader, KeyHeaderName, StamperHeader, SourceTimeHeader, SourceMadeHeader}

// outHeader returns the header of m's copy, without the id.
//
// The source's own headers stay, but for those that are orders to a NATS server
// (Nats-Rollup would purge the output stream, Nats-Expected-… speak of another
// stream, Nats-TTL would let the evidence expire).
func (s *Stamper) outHeader(m *message, key string) nats.Header {
	source := m.Headers()
	header := make(nats.Header, len(source)+10)
	for name, values := range source {
		if !reserved(name) {
			header[name] = values
		}
	}
	header[jetstream.MsgIDHeader] = []string{msgID(s.config.Stream, m.seq)}
	header[StoreHeader] = []string{s.config.Store}
	header[KeyHeaderName] = []string{key}
	header[StamperHeader] = []string{s.config.Consumer}
	header[SourceTimeHeader] = []string{utc(m.stored)}
	header[SourceMadeHeader] = []string{utc(s.at.made)}
	return header
}

func reserved(name string) bool {
	if len(name) >= 5 && strings.EqualFold(name[:5], "Nats-") {
		return true
	}
	for _, own := range ours {
		if strings.EqualFold(name, own) {
			return true
		}
	}
	return false
}

// msgID is the Nats-Msg-Id of a source message's copy.
func msgID(stream string, seq uint64) string { return stream + ":" + strconv.FormatUint(seq, 10) }

func parseMsgID(id string) (stream string, seq uint64, err error) {
	i := strings.LastIndexByte(id, ':')
	if i < 1 {
		return "", 0, fmt.Errorf("%q is not STREAM:SEQUENCE", id)
	}
	seq, err = strconv.ParseUint(id[i+1:], 10, 64)
	return id[:i], seq, err
}
