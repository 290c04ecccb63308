package etcdsim

import (
	"context"
	"maps"
	"slices"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc"
)

// lease is one that is running. No lease is changed, only replaced, so that a
// snapshot's are as they were.
type lease struct{ ttl time.Duration }

// LeaseGrant grants a lease, which ends by itself: nobody keeps it alive.
func (s *Server) LeaseGrant(in *pb.LeaseGrantRequest) (*pb.LeaseGrantResponse, error) {
	if in.ID != 0 || in.TTL < 1 {
		return nil, unsupported("leases of the caller's name, or of no time")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaseIDs++ // never one of before a Restore
	s.runLocked(s.leaseIDs, &lease{ttl: time.Duration(in.TTL) * time.Second})
	return &pb.LeaseGrantResponse{Header: s.headerLocked(), ID: s.leaseIDs, TTL: in.TTL}, nil
}

// LeaseRevoke ends a lease, and deletes what was put with it.
func (s *Server) LeaseRevoke(in *pb.LeaseRevokeRequest) (*pb.LeaseRevokeResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leases[in.ID] == nil {
		return nil, rpctypes.ErrGRPCLeaseNotFound
	}
	s.endLeaseLocked(in.ID)
	return &pb.LeaseRevokeResponse{Header: s.headerLocked()}, nil
}

// runLocked has a lease run from now on.
func (s *Server) runLocked(id int64, l *lease) {
	running := &lease{ttl: l.ttl}
	s.leases[id] = running
	time.AfterFunc(l.ttl, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.leases[id] == running {
			s.endLeaseLocked(id)
		}
	})
}

// endLeaseLocked deletes all that was put with a lease, at one revision.
func (s *Server) endLeaseLocked(id int64) {
	delete(s.leases, id)
	t := txn{s: s, begin: s.rev}
	for _, path := range slices.Sorted(maps.Keys(s.kvs)) {
		if s.kvs[path].Lease == id {
			t.delete(&pb.DeleteRangeRequest{Key: []byte(path)})
		}
	}
}

// Leases returns how many leases are running.
func (s *Server) Leases() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.leases)
}

// checkLeases refuses a put with a lease that is not there, in the branches that a
// transaction takes: etcd does so before it writes anything.
func (t *txn) checkLeases(in *pb.TxnRequest, o outcomes) error {
	for _, op := range branch(in, o) {
		if nested := op.GetRequestTxn(); nested != nil {
			if err := t.checkLeases(nested, o.nested[0]); err != nil {
				return err
			}
			o.nested = o.nested[1:]
		}
		if err := t.s.checkLeaseLocked(op.GetRequestPut()); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) checkLeaseLocked(in *pb.PutRequest) error {
	if id := in.GetLease(); id != 0 && s.leases[id] == nil {
		return rpctypes.ErrGRPCLeaseNotFound
	}
	return nil
}

// LeaseGrant asks for a lease.
func (c *Client) LeaseGrant(ctx context.Context, in *pb.LeaseGrantRequest, _ ...grpc.CallOption) (*pb.LeaseGrantResponse, error) {
	return call(ctx, c, in, c.server.LeaseGrant)
}

// LeaseRevoke ends a lease.
func (c *Client) LeaseRevoke(ctx context.Context, in *pb.LeaseRevokeRequest, _ ...grpc.CallOption) (*pb.LeaseRevokeResponse, error) {
	return call(ctx, c, in, c.server.LeaseRevoke)
}
