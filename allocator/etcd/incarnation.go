package etcd

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

// incarnationPath follows the prefix.
const incarnationPath = "/v1/incarnation"

// incarnationFormat is raised when older workers must not go on with a record.
const incarnationFormat = 1

// incarnation is the record, one per prefix, of which of etcd's histories the
// counters belong to. It goes with the counters into every backup, so that what
// it says and what etcd is can be held against each other after a restore.
type incarnation struct {
	store string // names the counters for good: a UUID made by the first worker
	epoch int64  // raised by every jump; 0: never jumped
	floor int64  // every counter without a record starts above this
	seen  sight  // the maxima that some worker had seen when it wrote this
	told  string // why a worker found that the history went backwards; "": none has said so
}

// sight is a point of an etcd cluster's history, as the header of an answer
// shows it.
type sight struct {
	cluster uint64
	term    uint64 // raft's
	rev     int64
}

func sightOf(h *etcdserverpb.ResponseHeader) sight {
	return sight{cluster: h.ClusterId, term: h.RaftTerm, rev: h.Revision}
}

// and returns the later of both, of one cluster.
func (s sight) and(other sight) sight {
	return sight{cluster: s.cluster, term: max(s.term, other.term), rev: max(s.rev, other.rev)}
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

func (i incarnation) encode() string {
	b, _ := json.Marshal(incarnationJSON{ // plain numbers and strings always marshal
		Fmt: incarnationFormat, Store: i.store, Epoch: i.epoch, Floor: i.floor,
		Cluster: clusterHex(i.seen.cluster), Term: i.seen.term, Rev: i.seen.rev,
		Fenced: i.told,
	})
	return string(b)
}

// decodeIncarnation refuses what a newer version may have written.
func decodeIncarnation(value []byte) (incarnation, error) {
	var raw incarnationJSON
	if err := decodeStrictly(value, &raw); err != nil {
		return incarnation{}, fmt.Errorf("%w: the incarnation %.200q: %v", allocator.ErrUnreadable, value, err)
	}
	cluster, err := strconv.ParseUint(raw.Cluster, 16, 64)
	switch {
	case raw.Fmt != incarnationFormat:
		return incarnation{}, fmt.Errorf("%w: the incarnation has format %d, this version knows %d", allocator.ErrUnreadable, raw.Fmt, incarnationFormat)
	case err != nil, raw.Store == "", raw.Epoch < 0, raw.Floor < 0, raw.Rev < 0:
		return incarnation{}, fmt.Errorf("%w: the incarnation %.200q: store and cluster must be there, and no number below 0", allocator.ErrUnreadable, value)
	}
	return incarnation{
		store: raw.Store, epoch: raw.Epoch, floor: raw.Floor,
		seen: sight{cluster: cluster, term: raw.Term, rev: raw.Rev},
		told: raw.Fenced,
	}, nil
}

// decodeStrictly decodes one JSON object that has no field v has not.
func decodeStrictly(value []byte, v any) error {
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

func clusterHex(id uint64) string { return strconv.FormatUint(id, 16) }

// newUUID returns a random UUID (RFC 9562, version 4).
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
