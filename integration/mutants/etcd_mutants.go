package main

const (
	refusalFile     = "allocator/etcd/refusal.go"
	onceFile        = "allocator/etcd/dial/once.go"
	sizeFile        = "allocator/etcd/size.go"
	memberWatchFile = "allocator/etcd/dial/watch.go"
	probeFile       = "allocator/etcd/dial/probe.go"
	statsFile       = "allocator/etcd/stats.go"
)

var (
	refusedSuite = suite{"./allocator/etcd", "Refusals|TestSize"}
	balancer     = suite{"./allocator/etcd/dial", "ClosedOnly|Redials|NameOf|MemberCutOff"}
	memberSuite  = suite{"./allocator/etcd/dial", "LearnerIs|OnlyReads"}
	sizes        = suite{"./allocator/etcd", "SmallerTransactions"}
)

// etcdMutants break the way to etcd: ids stay right, and a worker is slow, or
// dead, or tells gaps that are none.
var etcdMutants = []mutant{
	{
		name: "definite refusal leaves a gap", breaks: "figures: what is known to have done nothing counts as perhaps applied",
		edits:  []edit{{statsFile, "return !refused(err) && !errors.Is(err, errEnded)", "return !errors.Is(err, errEnded)"}},
		suites: []suite{refusedSuite, sizes},
	},
	{
		name: "no space counts as a refusal", breaks: "the two-outcome rule: etcd says so also after it has applied a transaction",
		edits:  []edit{{refusalFile, "	rpctypes.ErrTooManyOps,\n", "	rpctypes.ErrTooManyOps,\n	rpctypes.ErrNoSpace,\n"}},
		suites: []suite{refusedSuite},
	},
	{
		name: "transaction sent twice", breaks: "the two-outcome rule: the second one's refusal hides the first",
		edits:  []edit{{onceFile, "	case codes.Canceled:\n", "	case codes.Aborted:\n"}},
		suites: []suite{{"./allocator/etcd/dial", "Once"}},
	},
	{
		name: "size halved only", breaks: "figures: where etcd takes 100, workers stay at 63",
		edits:  []edit{{sizeFile, "(s.taken+s.refused)/2", "s.refused/2"}},
		suites: []suite{refusedSuite},
	},
	{
		name: "size never tried again", breaks: "figures: an etcd whose limit was raised never gets larger transactions",
		edits:  []edit{{sizeFile, "now.Sub(s.at) >= refusalHolds", "now.Sub(s.at) < 0"}},
		suites: []suite{refusedSuite},
	},
	{
		name: "connection kept after failures", breaks: "serving: behind a balancer, a member that is cut off is asked for ever",
		edits:  []edit{{memberWatchFile, "	c.closed = true\n	c.Conn.Close()", "	c.closed = true\n	_ = c.Conn.Close"}},
		suites: []suite{balancer},
	},
	{
		name: "full etcd dialed anew", breaks: "a healthy connection is never closed: NOSPACE is the same on any",
		edits:  []edit{{memberWatchFile, "codes.Unknown, codes.Internal:", "codes.Unknown, codes.Internal, codes.ResourceExhausted:"}},
		suites: []suite{balancer},
	},
	{
		name: "redialed without a pause", breaks: "a balancer that sends us back is dialed as fast as it goes",
		edits:  []edit{{memberWatchFile, "	w.next = now.Add(w.spacing)", "	w.next = now"}},
		suites: []suite{balancer},
	},
	{
		name: "learner kept in", breaks: "serving: every second transaction goes to a member that takes none",
		edits:  []edit{{memberWatchFile, "	case isLearner(err):\n		return true", "	case isLearner(err):\n		return false"}},
		suites: []suite{memberSuite},
	},
	{
		name: "members asked for reads", breaks: "serving: a member that reads and can't write is used for ever",
		edits:  []edit{{probeFile, "_, err = etcdserverpb.NewKVClient(nc).Txn(ctx, writesNothing)", `_, err = etcdserverpb.NewKVClient(nc).Range(ctx, &etcdserverpb.RangeRequest{Key: []byte("x")})`}},
		suites: []suite{memberSuite},
	},
}
