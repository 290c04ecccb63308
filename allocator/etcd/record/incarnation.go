package record

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/seqd-io/seqd/allocator"
)

// incarnationFormat is raised when older workers must not go on with a record.
const incarnationFormat = 1

// Incarnation is the record, one per prefix, of which of etcd's histories the
// counters belong to. It goes with the counters into every backup, so that what
// it says and what etcd is can be held against each other after a restore.
//
// Its lineage is a UUID that the first worker makes: whatever holds it holds these
// counters, or a copy of them. In etcd and in files it is called store, which
// elsewhere is a namespace of keys.
type Incarnation struct {
	Lineage string // names the counters for good
	Epoch   int64  // raised by every jump; 0: never jumped
	Floor   int64  // every counter without a record starts above this
	Seen    Sight  // the maxima that some worker had seen when it wrote this
	Fenced  string // why a worker found that the history went backwards; "": none has said so
}

// Sight is a point of an etcd cluster's history, as the header of an answer
// shows it.
type Sight struct {
	Cluster uint64
	Term    uint64 // raft's
	Rev     int64
}

// SightOf returns what the header of an answer shows.
func SightOf(h *etcdserverpb.ResponseHeader) Sight {
	return Sight{Cluster: h.ClusterId, Term: h.RaftTerm, Rev: h.Revision}
}

// And returns the later of both, of one cluster.
func (s Sight) And(other Sight) Sight {
	return Sight{Cluster: s.Cluster, Term: max(s.Term, other.Term), Rev: max(s.Rev, other.Rev)}
}

// incarnationJSON is an incarnation as etcd keeps it.
type incarnationJSON struct {
	Fmt     int    `json:"fmt"`
	Store   string `json:"store"`
	Epoch   int64  `json:"epoch"`
	Floor   int64  `json:"floor"`
	Cluster string `json:"cluster"` // as etcdctl writes it: hex
	Term    uint64 `json:"term"`
	Rev     int64  `json:"rev"`
	Fenced  string `json:"fenced,omitempty"`
}

// Encode returns the record as etcd keeps it.
func (i Incarnation) Encode() string {
	b, _ := json.Marshal(incarnationJSON{ // plain numbers and strings always marshal
		Fmt: incarnationFormat, Store: i.Lineage, Epoch: i.Epoch, Floor: i.Floor,
		Cluster: ClusterHex(i.Seen.Cluster), Term: i.Seen.Term, Rev: i.Seen.Rev,
		Fenced: i.Fenced,
	})
	return string(b)
}

// DecodeIncarnation reads a record, and refuses what a newer version may have
// written.
func DecodeIncarnation(value []byte) (Incarnation, error) {
	var raw incarnationJSON
	if err := DecodeStrictly(value, &raw); err != nil {
		return Incarnation{}, fmt.Errorf("%w: the incarnation %.200q: %v", allocator.ErrUnreadable, value, err)
	}
	cluster, err := strconv.ParseUint(raw.Cluster, 16, 64)
	switch {
	case raw.Fmt != incarnationFormat:
		return Incarnation{}, fmt.Errorf("%w: the incarnation has format %d, this version knows %d", allocator.ErrUnreadable, raw.Fmt, incarnationFormat)
	case err != nil, raw.Store == "", raw.Epoch < 0, raw.Floor < 0, raw.Rev < 0:
		return Incarnation{}, fmt.Errorf("%w: the incarnation %.200q: store and cluster must be there, and no number below 0", allocator.ErrUnreadable, value)
	}
	return Incarnation{
		Lineage: raw.Store, Epoch: raw.Epoch, Floor: raw.Floor,
		Seen:   Sight{Cluster: cluster, Term: raw.Term, Rev: raw.Rev},
		Fenced: raw.Fenced,
	}, nil
}

// DecodeStrictly decodes one JSON object that has no field v has not.
func DecodeStrictly(value []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(value))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, more := d.Token(); more != io.EOF {
		return fmt.Errorf("data after the object")
	}
	return nil
}

// ClusterHex returns the id of an etcd cluster as etcdctl writes it.
func ClusterHex(id uint64) string { return strconv.FormatUint(id, 16) }

// NewUUID returns a random UUID (RFC 9562, version 4).
func NewUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
