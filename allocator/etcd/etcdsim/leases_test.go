package etcdsim_test

import (
	"testing"
	"testing/synctest"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/seqd-io/seqd/allocator/etcd/etcdsim"
)

// leasePairs are the ids that etcd has chosen for leases, by those of a Server.
type leasePairs map[int64]int64

func (p leasePairs) grant(t *testing.T, real, simulated client) int64 {
	t.Helper()
	theirs, err := real.LeaseGrant(t.Context(), &pb.LeaseGrantRequest{TTL: 3600})
	if err != nil {
		t.Fatal(err)
	}
	ours, err := simulated.LeaseGrant(t.Context(), &pb.LeaseGrantRequest{TTL: 3600})
	if err != nil {
		t.Fatal(err)
	}
	if ours.Header.Revision != theirs.Header.Revision {
		t.Fatalf("a lease is granted at revision %d, by etcd at %d", ours.Header.Revision, theirs.Header.Revision)
	}
	p[ours.ID] = theirs.ID
	return ours.ID
}

func (p leasePairs) revoke(t *testing.T, real, simulated client, id int64) {
	t.Helper()
	theirs, wantErr := real.LeaseRevoke(t.Context(), &pb.LeaseRevokeRequest{ID: p[id]})
	ours, err := simulated.LeaseRevoke(t.Context(), &pb.LeaseRevokeRequest{ID: id})
	if (err == nil) != (wantErr == nil) || ours.GetHeader().GetRevision() != theirs.GetHeader().GetRevision() {
		t.Fatalf("lease %d ends at revision %d (%v), by etcd at %d (%v)",
			id, ours.GetHeader().GetRevision(), err, theirs.GetHeader().GetRevision(), wantErr)
	}
}

// real returns a request with etcd's ids for leases.
func (p leasePairs) real(in proto.Message) proto.Message {
	in = proto.Clone(in)
	eachLease(in.ProtoReflect(), func(id int64) int64 { return p[id] })
	return in
}

// unreal has the Server's ids in an answer of etcd.
func (p leasePairs) unreal(out proto.Message) {
	if out == nil {
		return
	}
	back := map[int64]int64{}
	for ours, theirs := range p {
		back[theirs] = ours
	}
	eachLease(out.ProtoReflect(), func(id int64) int64 { return back[id] })
}

// eachLease replaces each field that is named so, at any depth.
func eachLease(m protoreflect.Message, by func(int64) int64) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Kind() == protoreflect.Int64Kind && !f.IsList() && (f.Name() == "lease"):
			m.Set(f, protoreflect.ValueOfInt64(by(v.Int())))
		case f.Kind() == protoreflect.MessageKind && f.IsList():
			for i := range v.List().Len() {
				eachLease(v.List().Get(i).Message(), by)
			}
		case f.Kind() == protoreflect.MessageKind && !f.IsMap():
			eachLease(v.Message(), by)
		}
		return true
	})
}

// A lease ends after its time, with all that was put with it at one revision, and
// with nothing that was put without it since. One of a snapshot begins again.
func TestLeaseEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := etcdsim.New()
		granted, err := s.LeaseGrant(&pb.LeaseGrantRequest{TTL: 60})
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"/a", "/b", "/c"} {
			if _, err := s.Put(&pb.PutRequest{Key: []byte(path), Value: []byte("v"), Lease: granted.ID}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Put(&pb.PutRequest{Key: []byte("/c"), Value: []byte("v")}); err != nil {
			t.Fatal(err)
		}
		backup := s.Snapshot()
		values := func() string { return s.Value("/a") + s.Value("/b") + s.Value("/c") }
		time.Sleep(59 * time.Second)
		if values() != "vvv" {
			t.Errorf("there is %q before its end", values())
		}
		before := s.Revision()
		time.Sleep(2 * time.Second)
		if values() != "v" || s.Revision() != before+1 || s.Leases() != 0 {
			t.Errorf("there is %q after its end, at revision %d after %d", values(), s.Revision(), before)
		}
		s.Restore(backup, 1)
		time.Sleep(59 * time.Second)
		if values() != "vvv" {
			t.Errorf("there is %q after a restore", values())
		}
		time.Sleep(2 * time.Second)
		if values() != "v" {
			t.Errorf("there is %q after the end of a lease that was restored", values())
		}
	})
}
