package faults

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/subjects"
)

// forged draws what a worker would send to another one, or a question to all.
func (a *attacker) forged() *shot {
	peer := a.assault.ids[a.rnd.IntN(len(a.assault.ids))]
	s := &shot{reply: a.newReply(), serial: a.serial}
	switch a.rnd.IntN(8) {
	case 0:
		s.subject, s.answers = subjects.PeerRoot+"."+peer+".probe", atMostOne
		s.body = []byte(a.nameOf(a.rnd.IntN(100)))
	case 1:
		s.subject, s.answers = subjects.PeerRoot+"."+peer+"."+a.nameOf(1+a.rnd.IntN(20)), atMostOne
	case 2:
		verb := []string{"PING", "INFO", "STATS"}[a.rnd.IntN(3)]
		s.subject, s.answers = "$SRV."+verb+[]string{"", ".seqd", ".seqd." + peer}[a.rnd.IntN(3)], anyNumber
		s.body = []byte(a.spoilt(`{"filter":"x"}`))
		s.check = saneDiscovery
	case 3:
		s.subject, s.answers = subjects.PeerRoot+"."+peer+".requests", exactlyOne
		s.body = []byte(a.spoilt(string(a.parcel())))
		a.assault.spoilt.Add(maxParcel)
	default:
		s.subject, s.answers = subjects.PeerRoot+"."+peer+".requests", exactlyOne
		s.body = a.parcel()
	}
	if a.user != neighbour {
		a.denied++
		s.answers = atMostOne
		s.check = func(map[string][]string, []byte) error { return errors.New("answered, although NATS was to refuse it") }
	}
	return s
}

// saneDiscovery looks whether a worker's answer to a question to all is readable and
// has a bound.
func saneDiscovery(_ map[string][]string, body []byte) error {
	if len(body) > 64<<10 || !json.Valid(body) {
		return fmt.Errorf("an answer of %d bytes: %.100q", len(body), body)
	}
	return nil
}

// maxParcel is how many requests a message between workers has at most.
const maxParcel = 1024

// parcel draws a well-formed message of requests that are handed over; what they
// ask for may be what no worker would hand over. Answers to them go where nobody
// listens.
func (a *attacker) parcel() []byte {
	count := 1 + a.rnd.IntN(8)
	if a.rnd.IntN(20) == 0 {
		count = maxParcel
	}
	b := []byte{1}
	b = binary.BigEndian.AppendUint16(b, []uint16{200, 0, 500, 65535}[a.rnd.IntN(4)])
	b = binary.BigEndian.AppendUint16(b, uint16(count))
	b = binary.BigEndian.AppendUint64(b, []uint64{0, 1, uint64(time.Hour / time.Microsecond), 1 << 63}[a.rnd.IntN(4)])
	for range count {
		b = append(b, byte(a.rnd.IntN(2))|byte(a.rnd.IntN(3))<<1, byte(1+a.rnd.IntN(3)))
		b = binary.AppendUvarint(b, []uint64{1, 20, 100_000, 1 << 32}[a.rnd.IntN(100)/33])
		b = binary.AppendUvarint(b, 1+a.rnd.Uint64N(uint64(24*time.Hour/time.Microsecond)))
		b = appendText(b, "R.nobody."+a.nameOf(8))
		key := a.assault.throng.keys[a.rnd.IntN(len(a.assault.throng.keys))]
		if a.rnd.IntN(2) == 0 {
			key = allocator.Key{Store: "evil", Name: a.nameOf(subjects.MaxKeyLen)}
		}
		a.assault.asks(key)
		b = appendText(b, key.Store+"."+key.Name)
	}
	return b
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}
