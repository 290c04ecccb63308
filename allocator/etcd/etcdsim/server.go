package etcdsim

import (
	"maps"
	"slices"
	"sync"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Server is what an etcd cluster looks like from outside: keys and values at a
// revision. Its methods apply a request at once and without faults; they are
// safe for concurrent use.
type Server struct {
	mu      sync.Mutex
	kvs     map[string]*mvccpb.KeyValue // no KeyValue is changed, only replaced
	rev     int64
	cluster uint64
	term    uint64
	life    int // raised by Restore: who asked before gets no answer any more
	writes  []Write
	maxOps  int

	leases   map[int64]*lease
	leaseIDs int64 // so many were granted
}

// Write is one put, or the delete of what was there.
type Write struct {
	Path, Value string // no Value: a delete
	Rev         int64
	Lease       int64 // 0: none
}

// New returns an empty Server, of cluster 1, at term 2 and revision 1.
func New() *Server {
	return &Server{kvs: map[string]*mvccpb.KeyValue{}, leases: map[int64]*lease{}, rev: 1, cluster: 1, term: 2, maxOps: defaultMaxOps}
}

// SetMaxOps sets --max-txn-ops, as a restart of etcd may.
func (s *Server) SetMaxOps(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.maxOps = n
}

// Txn applies a transaction.
func (s *Server) Txn(in *pb.TxnRequest) (*pb.TxnResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := check(in, s.maxOps); err != nil {
		return nil, err
	}
	t := txn{s: s, begin: s.rev}
	// etcd decides all compares, nested ones too, before it writes anything.
	o := t.compareAll(in)
	if err := t.checkLeases(in, o); err != nil {
		return nil, err
	}
	out := t.run(in, o)
	out.Header = s.headerLocked()
	return out, nil
}

// Range reads.
func (s *Server) Range(in *pb.RangeRequest) (*pb.RangeResponse, error) {
	if err := checkRange(in); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.rangeLocked(in)
	out.Header = s.headerLocked()
	return out, nil
}

// Put writes.
func (s *Server) Put(in *pb.PutRequest) (*pb.PutResponse, error) {
	if err := checkPut(in); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.checkLeaseLocked(in); err != nil {
		return nil, err
	}
	t := txn{s: s, begin: s.rev}
	out := t.put(in)
	out.Header = s.headerLocked()
	return out, nil
}

// DeleteRange deletes.
func (s *Server) DeleteRange(in *pb.DeleteRangeRequest) (*pb.DeleteRangeResponse, error) {
	if len(in.Key) == 0 {
		return nil, errEmptyKey
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := txn{s: s, begin: s.rev}
	out := t.delete(in)
	out.Header = s.headerLocked()
	return out, nil
}

// Snapshot is the content of a Server at an instant.
type Snapshot struct {
	kvs    map[string]*mvccpb.KeyValue
	rev    int64
	leases map[int64]*lease
}

// Revision returns the revision the snapshot was taken at.
func (s Snapshot) Revision() int64 { return s.rev }

// Snapshot saves the content.
func (s *Server) Snapshot() Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Snapshot{kvs: maps.Clone(s.kvs), rev: s.rev, leases: maps.Clone(s.leases)}
}

// Restore puts the content and the revision back to a snapshot's, as an operator
// does who restores a backup. The headers' cluster id becomes cluster, which is
// the old one if the new cluster has the old one's name, token and addresses;
// the term begins again. As etcd does not run meanwhile, requests on their way
// are not applied any more, and their answers don't come. Leases begin again.
func (s *Server) Restore(from Snapshot, cluster uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kvs, s.rev = maps.Clone(from.kvs), from.rev
	s.cluster, s.term = cluster, 2
	s.leases = map[int64]*lease{}
	for id, l := range from.leases {
		s.runLocked(id, l)
	}
	s.life++
}

func (s *Server) currentLife() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.life
}

// Writes returns all puts and deletes so far, in the order they were applied.
func (s *Server) Writes() []Write {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.writes)
}

// Value returns what is at path now, or "".
func (s *Server) Value(path string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if kv := s.kvs[path]; kv != nil {
		return string(kv.Value)
	}
	return ""
}

// Revision returns the current revision.
func (s *Server) Revision() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rev
}

func (s *Server) headerLocked() *pb.ResponseHeader {
	return &pb.ResponseHeader{ClusterId: s.cluster, MemberId: 1, Revision: s.rev, RaftTerm: s.term}
}

func (s *Server) rangeLocked(in *pb.RangeRequest) *pb.RangeResponse {
	out := &pb.RangeResponse{Header: &pb.ResponseHeader{Revision: s.rev}}
	if len(in.RangeEnd) == 0 {
		if kv := s.kvs[string(in.Key)]; kv != nil {
			out.Kvs, out.Count = []*mvccpb.KeyValue{kv}, 1
		}
	} else {
		for _, path := range slices.Sorted(maps.Keys(s.kvs)) {
			if within(path, string(in.Key), string(in.RangeEnd)) {
				out.Kvs = append(out.Kvs, s.kvs[path])
				out.Count++
			}
		}
	}
	if in.Limit > 0 && out.Count > in.Limit {
		out.Kvs, out.More = out.Kvs[:in.Limit], true
	}
	if in.CountOnly {
		out.Kvs, out.More = nil, false
	}
	if in.KeysOnly {
		for i, kv := range out.Kvs {
			out.Kvs[i] = &mvccpb.KeyValue{Key: kv.Key, CreateRevision: kv.CreateRevision, ModRevision: kv.ModRevision, Version: kv.Version}
		}
	}
	return out
}

// within reports whether path is in [from, to); a to of one zero byte stands for
// no end.
func within(path, from, to string) bool {
	return path >= from && (path < to || to == "\x00")
}

func unsupported(what string) error {
	return status.Errorf(codes.Unimplemented, "etcdsim: %s", what)
}
