package main

const partFile = "allocator/etcd/part.go"

var once = suite{"./allocator/etcd", "Once|Repeat|SameAnswer|Periods|Answers"}

// numberMutants break the same answer on a retry, and what is counted in periods.
var numberMutants = []mutant{
	{
		name: "period from the clock alone", breaks: "a period goes back: a worker whose clock is behind does not go by the record",
		edits: []edit{{counterFile, "	last, limit := max(known.last, above), int64(math.MaxInt64)\n", `	last, limit := max(known.last, above), int64(math.MaxInt64)
	if was, _ := allocator.SplitMark(known.last); above > 0 && above < was.Mark(0) {
		last = above
	}
`}},
		suites: []suite{simulation, once},
	},
	{
		name: "answer recorded after the ids", breaks: "a retry gets other ids: a worker that crashes between the two has recorded no answer",
		edits: []edit{
			{swapFile, "		put.WithValueBytes([]byte(n.Value))\n		all = append(all, put)\n", "		put.WithValueBytes([]byte(n.Value))\n"},
			{advanceFile, "		if err := d.c.learn(d.a.Key, b, d.ids.First-1); err != nil {\n", `		for _, n := range d.swap.News {
			go d.c.txns.kv.Put(d.c.txns.ctx, n.Path, n.Value, clientv3.WithLease(n.Lease))
		}
		if err := d.c.learn(d.a.Key, b, d.ids.First-1); err != nil {
`},
			{advanceFile, "	\"github.com/seqd-io/seqd/allocator\"\n", "	clientv3 \"go.etcd.io/etcd/client/v3\"\n\n	\"github.com/seqd-io/seqd/allocator\"\n"},
		},
		suites: []suite{simulation, once},
	},
	{
		name: "answer recorded in another transaction", breaks: "U: an answer is recorded whose ids were not reserved for it",
		edits: []edit{{partFile, "		d.swap.News = append(d.swap.News, record.New{Path: d.path(i), Value: value, Lease: lease})\n	})\n	return true", `		go func() { _, _ = d.c.txns.kv.Put(d.c.txns.ctx, d.path(i), value, clientv3.WithLease(lease)) }()
	})
	return true`}},
		suites: []suite{once},
	},
	{
		name: "lease on a counter", breaks: "U: a counter goes with the answers' lease, and begins again at 1",
		edits: []edit{{swapFile, "return clientv3.OpPut(s.Path, s.Value) }", `
	if len(s.News) > 0 {
		return clientv3.OpPut(s.Path, s.Value, clientv3.WithLease(s.News[0].Lease))
	}
	return clientv3.OpPut(s.Path, s.Value)
}`}},
		suites: []suite{simulation, once},
	},
	{
		name: "repeat's number not compared", breaks: "a clash: a caller that asks for 2 ids gets the 3 of another request",
		edits:  []edit{{partFile, "case rec.IDs.N != a.N || rec.Weak != a.Weak:", "case rec.Weak != a.Weak:"}},
		suites: []suite{simulation, once},
	},
	{
		name: "repeat's mode not compared", breaks: "a clash: a caller that asks for strong ids gets weak ones of an earlier request",
		edits:  []edit{{partFile, "case rec.IDs.N != a.N || rec.Weak != a.Weak:", "case rec.IDs.N != a.N:"}},
		suites: []suite{simulation, once},
	},
	{
		name: "repeat taken for the first", breaks: "a repeat does not say so, and its ids are counted twice",
		edits:  []edit{{partFile, "			a.IDs, a.Replayed = rec.IDs, true\n", "			a.IDs = rec.IDs\n"}},
		suites: []suite{simulation, once},
	},
	{
		name: "windows kept behind an answer", breaks: "S: an owner issues lower ids than it has told for a request that is made once",
		edits:  []edit{{issuerFile, "	if last := a.lastAnswered(false); last > 0 {", "	if last := a.lastAnswered(false); last < 0 {"}},
		suites: []suite{simulation, once},
	},
	{
		name: "segments kept behind an answer", breaks: "W: a worker issues lower ids than it has told for a weak request that is made once",
		edits:  []edit{{issuerFile, "	if last := a.lastAnswered(true); last > 0 {", "	if last := a.lastAnswered(true); last < 0 {"}},
		suites: []suite{simulation, once},
	},
	{
		name: "told by another than the owner", breaks: "S: an owner that has not learned of an answer issues lower ids than somebody else has told",
		edits:  []edit{{advanceFile, "	d.unsettle()\n", ""}},
		suites: []suite{once, simulation},
	},
	{
		name: "exhausted keys forget", breaks: "a retry gets EXHAUSTED, and not the ids that it had got",
		edits:  []edit{{advanceFile, "d.known.rev == 0 || d.unlooked() || ", "d.known.rev == 0 || "}},
		suites: []suite{once, simulation},
	},
	{
		name: "one answer twice in a transaction", breaks: "answers: etcd refuses a batch for a repeat in it",
		edits:  []edit{{partFile, "len(p.of) == most || d.chosen(a.Key)", "len(p.of) == most"}},
		suites: []suite{simulation, once},
	},
	{
		name: "answers' lease kept for good", breaks: "answers: a lease that etcd does not know is used again and again",
		edits:  []edit{{partFile, "return d.c.answers.unknown(err,", "return false && d.c.answers.unknown(err,"}},
		suites: []suite{simulation, once},
	},
	{
		name: "refill without its period", breaks: "serving: weak requests of a period that has begun wait for ids of the one before",
		edits: []edit{
			{refillFile, "Key: k.key(), Above: above, Done: r}", "Key: k.key(), Above: min(above, 1<<47), Done: r}"},
			{refillFile, "	r.advance.Above = max(r.advance.Above, r.waiting.above)\n", ""},
		},
		suites: []suite{simulation},
	},
	{
		name: "floor of a jump is not for later periods", breaks: "U after a restore: a period that began after the backup was made begins again at 1",
		edits:  []edit{{counterFile, "	if known.rev != 0 && (recorded || counting.Period(c.guard.Jumped().Add(jumpSlack)) < p) {", "	if known.rev != 0 && (recorded || true || counting.Period(c.guard.Jumped().Add(jumpSlack)) < p) {"}},
		suites: []suite{{"./allocator/etcd/operate", "Jump|Period|Backup"}},
	},
	{
		name: "period of a batch's first", breaks: "a request of a period that has begun gets an id of the one before",
		edits:  []edit{{strongFile, "Above: b.above,", "Above: first.Above,"}},
		suites: []suite{simulation, {"./allocator", "Period"}},
	},
	{
		name: "period's ids held on to", breaks: "a weak request of a period that has begun gets an id of the one before",
		edits:  []edit{{weakFile, "	if k.stock.current.First <= above {", "	if false {"}},
		suites: []suite{simulation},
	},
	{
		name: "no end in a period", breaks: "an id has more digits than a number has room for",
		edits:  []edit{{counterFile, "limit = p.Mark(min(limit, allocator.MaxPeriodID))", "limit = p.Mark(allocator.MaxPeriodID)"}},
		suites: []suite{simulation, once},
	},
}
