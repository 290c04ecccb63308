package etcdsim_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/seqd-io/seqd/allocator/etcd/etcdsim"
	"github.com/seqd-io/seqd/integration/servers"
)

// The same random requests get the same answers from a Server and from etcd:
// every field but the member's id and the term.
func TestServerAnswersAsEtcdDoes(t *testing.T) {
	const requests = 4000
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	g := generator{Rand: rand.New(rand.NewPCG(seed, 0)), leases: []int64{0, 0, 0, 1234567}}
	real := realClient(t)
	server := etcdsim.New()
	simulated := etcdsim.NewClient(server, nil)
	leases := leasePairs{0: 0, 1234567: 1234567} // none, and one that is not there

	seen := map[string]int{}
	for i := range requests {
		if i%100 == 50 {
			g.leases = append(g.leases, leases.grant(t, real, simulated))
		}
		if i%100 == 99 { // of those that were granted last, one ends
			leases.revoke(t, real, simulated, g.leases[len(g.leases)-1-g.IntN(2)])
		}
		in := g.request()
		want, wantErr := send(t, real, leases.real(in))
		got, err := send(t, simulated, in)
		leases.unreal(want)
		if status.Code(wantErr) != status.Code(err) || status.Convert(wantErr).Message() != status.Convert(err).Message() {
			t.Fatalf("request %d: error %v, etcd's is %v:\n%s", i, err, wantErr, prototext.Format(in))
		}
		if err == nil && !proto.Equal(got, want) {
			t.Fatalf("request %d:\n%s\nis answered\n%s\nand by etcd\n%s", i, prototext.Format(in), prototext.Format(got), prototext.Format(want))
		}
		seen[kind(in, got, err)]++
	}
	t.Log(seen)
	for _, kind := range []string{"txn won", "txn lost", "duplicate key given in txn request", "requested lease not found", "range", "put", "delete"} {
		if seen[kind] < requests/100 {
			t.Errorf("%d times %q in %d requests: that tests little", seen[kind], kind, requests)
		}
	}
}

// The limits that batches of swaps come near.
func TestLimitsAreEtcds(t *testing.T) {
	real := realClient(t)
	simulated := etcdsim.NewClient(etcdsim.New(), nil)
	for _, n := range []int{126, 127, 128, 129} {
		for _, nested := range []bool{false, true} {
			in := &pb.TxnRequest{}
			for i := range n {
				op := put(fmt.Sprint("/k", i), "v")
				if nested {
					op = txn(&pb.TxnRequest{Success: []*pb.RequestOp{op}})
				}
				in.Success = append(in.Success, op)
			}
			_, want := send(t, real, in)
			_, got := send(t, simulated, in)
			if status.Convert(want).Message() != status.Convert(got).Message() {
				t.Errorf("%d operations, nested %v: error %v, etcd's is %v", n, nested, got, want)
			}
		}
	}
}

// client is one of etcd, or of a Server.
type client interface {
	pb.KVClient
	pb.LeaseClient
}

func realClient(t *testing.T) client {
	conn := servers.StartEtcd(t).Connect(t).ActiveConnection()
	return struct {
		pb.KVClient
		pb.LeaseClient
	}{pb.NewKVClient(conn), pb.NewLeaseClient(conn)}
}

// send sends in, and returns the answer without what differs by nature.
func send(t *testing.T, kv client, in proto.Message) (out proto.Message, err error) {
	type headed interface {
		proto.Message
		GetHeader() *pb.ResponseHeader
	}
	var answer headed
	switch in := in.(type) {
	case *pb.TxnRequest:
		answer, err = kv.Txn(t.Context(), in)
	case *pb.RangeRequest:
		answer, err = kv.Range(t.Context(), in)
	case *pb.PutRequest:
		answer, err = kv.Put(t.Context(), in)
	case *pb.DeleteRangeRequest:
		answer, err = kv.DeleteRange(t.Context(), in)
	}
	if err != nil {
		return nil, err
	}
	h := answer.GetHeader()
	h.ClusterId, h.MemberId, h.RaftTerm = 0, 0, 0
	return answer, nil
}

func kind(in, out proto.Message, err error) string {
	switch out := out.(type) {
	case *pb.TxnResponse:
		if out.Succeeded {
			return "txn won"
		}
		return "txn lost"
	case *pb.RangeResponse:
		return "range"
	case *pb.PutResponse:
		return "put"
	case *pb.DeleteRangeResponse:
		return "delete"
	}
	return status.Convert(err).Message()[len("etcdserver: "):]
}

type generator struct {
	*rand.Rand
	leases []int64 // to put with
}

func (g generator) request() proto.Message {
	switch g.IntN(12) {
	case 0:
		return g.read()
	case 1:
		return &pb.RangeRequest{Key: []byte("/"), RangeEnd: []byte("0"), Limit: g.Int64N(4), CountOnly: g.IntN(4) == 0, KeysOnly: g.IntN(2) == 0}
	case 2:
		return g.write()
	case 3:
		return &pb.DeleteRangeRequest{Key: g.key(), PrevKv: g.IntN(2) == 0}
	default:
		return g.txn(2)
	}
}

func (g generator) key() []byte { return fmt.Appendf(nil, "/%c", 'a'+rune(g.IntN(6))) }

func (g generator) read() *pb.RangeRequest { return &pb.RangeRequest{Key: g.key()} }

func (g generator) write() *pb.PutRequest {
	return &pb.PutRequest{Key: g.key(), Value: fmt.Append(nil, g.IntN(3)), PrevKv: g.IntN(2) == 0, Lease: g.leases[g.IntN(len(g.leases))]}
}

func (g generator) txn(depth int) *pb.TxnRequest {
	in := &pb.TxnRequest{}
	for range g.IntN(3) {
		in.Compare = append(in.Compare, g.compare())
	}
	in.Success, in.Failure = g.ops(depth), g.ops(depth)
	return in
}

func (g generator) ops(depth int) (ops []*pb.RequestOp) {
	for range g.IntN(4) {
		switch kind := g.IntN(6); {
		case kind == 5:
			del := &pb.DeleteRangeRequest{Key: g.key(), PrevKv: g.IntN(2) == 0}
			ops = append(ops, &pb.RequestOp{Request: &pb.RequestOp_RequestDeleteRange{RequestDeleteRange: del}})
		case kind == 0:
			ops = append(ops, &pb.RequestOp{Request: &pb.RequestOp_RequestRange{RequestRange: g.read()}})
		case kind < 3 || depth == 0:
			ops = append(ops, &pb.RequestOp{Request: &pb.RequestOp_RequestPut{RequestPut: g.write()}})
		default:
			ops = append(ops, txn(g.txn(depth-1)))
		}
	}
	return ops
}

// compare is one that is often near the truth.
func (g generator) compare() *pb.Compare {
	c := &pb.Compare{Key: g.key(), Result: pb.Compare_CompareResult(g.IntN(4))}
	switch g.IntN(4) {
	case 0:
		c.Target, c.TargetUnion = pb.Compare_VALUE, &pb.Compare_Value{Value: fmt.Append(nil, g.IntN(3))}
	case 1:
		c.Target, c.TargetUnion = pb.Compare_VERSION, &pb.Compare_Version{Version: g.Int64N(4)}
	case 2:
		c.Target, c.TargetUnion = pb.Compare_MOD, &pb.Compare_ModRevision{ModRevision: g.Int64N(300)}
	default:
		c.Target, c.TargetUnion = pb.Compare_CREATE, &pb.Compare_CreateRevision{CreateRevision: g.Int64N(300)}
	}
	if g.IntN(4) == 0 {
		c.Result, c.Target, c.TargetUnion = pb.Compare_EQUAL, pb.Compare_MOD, &pb.Compare_ModRevision{}
	}
	return c
}

func put(key, value string) *pb.RequestOp {
	return &pb.RequestOp{Request: &pb.RequestOp_RequestPut{RequestPut: &pb.PutRequest{Key: []byte(key), Value: []byte(value)}}}
}

func txn(in *pb.TxnRequest) *pb.RequestOp {
	return &pb.RequestOp{Request: &pb.RequestOp_RequestTxn{RequestTxn: in}}
}
