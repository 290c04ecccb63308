package main

import "slices"

const (
	counterFile = "allocator/etcd/counter.go"
	advanceFile = "allocator/etcd/advance.go"
	beliefFile  = "allocator/etcd/belief.go"
	commitFile  = "allocator/etcd/commit.go"
	txnsFile    = "allocator/etcd/txns.go"
	guardFile   = "allocator/etcd/history/guard.go"
	judgeFile   = "allocator/etcd/history/judge.go"
	recordFile  = "allocator/etcd/record/counter.go"
	swapFile    = "allocator/etcd/record/swap.go"
	pathsFile   = "allocator/etcd/record/paths.go"
)

// mutants is all of them, one list for each room: the Counter's first, then
// those of leases, of what is remembered of etcd, the allocators' and the worker's, the
// wire's, those of the way to etcd, of what NATS refuses, the stamper's, the command's, and
// those of numbers and repeats.
var mutants = slices.Concat(counterMutants, leaseMutants, memoryMutants, allocatorMutants, wireMutants, etcdMutants, natsMutants, stampMutants, commandMutants, numberMutants, knownMutants, fairnessMutants)

// fallen is where what an advance brings is held against what others learned.
const fallen = "case old.rev < b.rev && old.last > base, old.rev == b.rev && old.last != b.last, old.rev > b.rev && old.last < b.last:"

var counterMutants = []mutant{
	{
		name: "blind put", breaks: "U: a record is written although somebody else has written it since",
		edits: []edit{{swapFile, "	c.TargetUnion = &etcdserverpb.Compare_ModRevision{ModRevision: s.Rev}\n", `	c.TargetUnion = &etcdserverpb.Compare_ModRevision{ModRevision: s.Rev}
	if s.Rev != Never {
		c.Result, c.TargetUnion = etcdserverpb.Compare_GREATER, &etcdserverpb.Compare_ModRevision{ModRevision: -1}
	}
`}},
		suites: []suite{simulation, counter},
	},
	{
		name: "lost batch taken for won", breaks: "U: a batch whose compares failed is issued",
		edits:  []edit{{commitFile, `if err != nil || !resp.Succeeded {`, `if err != nil {`}},
		suites: []suite{simulation, counter},
	},
	{
		name: "outer transaction decides", breaks: "U: a nested compare that failed is taken for won",
		edits:  []edit{{commitFile, `nested.Succeeded, nested.Responses)`, `resp.Succeeded, nested.Responses)`}},
		suites: []suite{simulation, counter},
	},
	{
		name: "ambiguous taken for applied", breaks: "U: a range is issued though no answer came",
		edits: []edit{{advanceFile, "		d.later(out.err)\n", `		if !d.looking && !d.a.Ended(time.Now()) {
			d.a.Tenure = d.tenure
			d.end(d.ids, nil)
			return
		}
		d.later(out.err)
`}},
		suites: []suite{simulation, counter},
	},
	{
		name: "no space taken for not applied", breaks: "U, S: the range of a transaction that was refused is used for the next request",
		edits: []edit{
			{counterFile, "	mu      sync.Mutex\n", "	mu      sync.Mutex\n	spare   map[allocator.Key]allocator.Range\n"},
			{advanceFile, "	d.known = d.c.belief(d.a.Key)\n", `	d.c.mu.Lock()
	if spare := d.c.spare[d.a.Key]; spare.N == d.a.N {
		delete(d.c.spare, d.a.Key)
		d.c.mu.Unlock()
		d.end(spare, nil)
		return
	}
	d.c.mu.Unlock()
	d.known = d.c.belief(d.a.Key)
`},
			{advanceFile, "		d.later(out.err)\n", `		if d.ids.N > 0 && !d.a.Owned && strings.Contains(out.err.Error(), "database space exceeded") {
			d.c.mu.Lock()
			if d.c.spare == nil {
				d.c.spare = map[allocator.Key]allocator.Range{}
			}
			d.c.spare[d.a.Key] = d.ids
			d.c.mu.Unlock()
			d.fail(allocator.ErrUnavailable)
			return
		}
		d.later(out.err)
`},
			{advanceFile, "	\"sync\"\n", "	\"strings\"\n	\"sync\"\n"},
		},
		suites: []suite{simulation, counter},
	},
	{
		name: "own mark taken for own range", breaks: "U: a lost race that finds our name and mark is taken for won, though two advances of ours may have been sent",
		edits: []edit{{advanceFile, "	if d.a.Yield && d.c.others(by)", `	if by == d.c.config.Writer && now.last == d.ids.Last() {
		d.end(d.ids, nil)
		return
	}
	if d.a.Yield && d.c.others(by)`}},
		suites: []suite{simulation, counter},
	},
	{
		name: "issued before it is durable", breaks: "U: ids leave while their transaction is on its way",
		edits: []edit{{advanceFile, "	d.c.txns.start(&d.swap)\n", `	if d.known.rev != 0 && d.c.config.Writer != "" && !d.looking {
		early := d.swap
		early.ended, early.done = nil, func(outcome) {}
		d.c.txns.start(&early)
		d.end(d.ids, nil)
		return
	}
	d.c.txns.start(&d.swap)
`}},
		suites: []suite{simulation, counter},
	},
	{
		name: "ended advance sent", breaks: "ids are spent on an advance that was given up before it was sent",
		edits:  []edit{{txnsFile, "s.ended != nil && s.ended(now)", "s.ended != nil && now.IsZero()"}},
		suites: []suite{counter, simulation},
	},
	{
		name: "nobody woken", breaks: "answers: a swap that becomes due wakes no sender",
		edits:  []edit{{txnsFile, "	t.due.push(s)\n	wake := t.mayFlyLocked()", "	t.due.push(s)\n	wake := t.mayFlyLocked() && t.closed"}},
		suites: []suite{simulation, counter},
	},
	{
		name: "yields to itself", breaks: "answers: a race lost to an earlier attempt of ours names ourselves as the rival",
		edits:  []edit{{advanceFile, `d.a.Yield && d.c.others(by)`, `d.a.Yield && by != ""`}},
		suites: []suite{counter},
	},
	{
		name: "guard off", breaks: "U after a restore: the headers are not looked at",
		edits:  []edit{{guardFile, "	now := record.SightOf(h)\n	g.mu.Lock()\n", "	if h != nil {\n		return nil\n	}\n	now := record.SightOf(h)\n	g.mu.Lock()\n"}},
		suites: []suite{simulation, counter},
	},
	{
		name: "cluster not guarded", breaks: "U after a replacement: another cluster is taken for ours",
		edits:  []edit{{judgeFile, "case now.Cluster != was.Cluster:", "case false:"}},
		suites: []suite{simulation, counter},
	},
	{
		name: "mark may fall", breaks: "U after a restore: a record that went back is believed",
		edits: []edit{
			{beliefFile, `now.last < known.last && known.owner == "" || now.rev < known.rev`, "false"},
			{beliefFile, fallen, "case false:"},
			{judgeFile, "case now.Rev < was.Rev:", "case false:"},
		},
		suites: []suite{simulation, counter},
	},
	{
		name: "advance over a restore", breaks: "U after a restore: what an advance brings is not held against what others have learned",
		edits:  []edit{{beliefFile, fallen, "case false:"}},
		suites: []suite{counter, simulation},
	},
	{
		name: "revision may come twice", breaks: "U after a restore: a write that gets a revision seen before is believed",
		edits:  []edit{{guardFile, "wrote && now.Rev == s.seen.Rev", "wrote && false"}},
		suites: []suite{counter, simulation},
	},
	{
		name: "floor lowers", breaks: "U: a floor below the mark is where ids go on",
		edits: []edit{{counterFile, "		last = max(last, c.floor(key, known))\n", `		if floor := c.floor(key, known); floor != 0 {
			last = floor
		}
`}},
		suites: []suite{simulation, counter},
	},
	{
		name: "wraps at the end", breaks: "ids are no longer positive past math.MaxInt64",
		edits:  []edit{{counterFile, "if last > limit || int64(n) > limit-last {", "if last == limit {"}},
		suites: []suite{simulation, counter},
	},
	{
		name: "record without its store", breaks: "identity: one name in two stores is one record",
		edits:  []edit{{pathsFile, `return key.Store + "/" + key.Name`, `return "x/" + key.Name`}},
		suites: []suite{simulation, counter},
	},
	{
		name: "any format will do", breaks: "a newer version's record is overwritten",
		edits:  []edit{{recordFile, "raw.Fmt < freeFormat || raw.Fmt > periodFormat", "raw.Fmt < freeFormat"}},
		suites: []suite{counter},
	},
	{
		name: "fence kept to oneself", breaks: "U after a restore: workers that saw less, or remember nothing, go on",
		edits:  []edit{{checkFile, "return g.explain(err, g.tell(ctx, from, f, err))", "return g.explain(err, f)"}},
		suites: []suite{{"./allocator/etcd", "Told"}},
	},
}
