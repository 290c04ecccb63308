package main

const (
	strongFile  = "allocator/strong.go"
	weakFile    = "allocator/weak.go"
	refillFile  = "allocator/refill.go"
	segmentFile = "allocator/segment.go"
	tableFile   = "allocator/table.go"
	issuerFile  = "allocator/issuer.go"
	handleFile  = "worker/handle.go"
)

var allocatorMutants = []mutant{
	{
		name: "left-overs kept", breaks: "S: what is left of a batch's range goes to later requests",
		edits: []edit{
			{strongFile, "	stopped bool\n", "	stopped bool\n	rests   map[Key]Range\n"},
			{strongFile, "		served = k.batch.take()\n", `		served = k.batch.take()
		if rest := ids; err == nil && ids.N > served.ids {
			rest.take(served.ids)
			if s.rests == nil {
				s.rests = map[Key]Range{}
			}
			s.rests[k.key] = rest
		}
`},
			{strongFile, "	s.counter.Start(&k.advance)\n", `	s.mu.Lock()
	rest := s.rests[k.key]
	delete(s.rests, k.key)
	s.mu.Unlock()
	if rest.N >= k.advance.N {
		k.Advanced(&k.advance, rest, nil)
		return
	}
	s.counter.Start(&k.advance)
`},
		},
		suites: []suite{simulation, allocators},
	},
	{
		name: "joins a batch under way", breaks: "S: a request that came after a transaction was sent is served from it",
		edits: []edit{
			{strongFile, "		served = k.batch.take()\n", `		for err == nil && k.waiting.count > 0 && k.batch.ids+k.waiting.head.N <= ids.N {
			k.batch.push(k.waiting.pop())
		}
		served = k.batch.take()
`},
		},
		suites: []suite{simulation, allocators},
	},
	{
		name: "expired burn ids", breaks: "a request that waited too long takes ids along",
		edits:  []edit{{strongFile, "		expired = k.waiting.takeExpired(time.Now()) // they burn no id\n", ""}},
		suites: []suite{allocators},
	},
	{
		name: "stop forgets", breaks: "answers: a request that waits behind single ones is not told that the allocator stops",
		edits:  []edit{{strongFile, "	late.serve(Range{}, ErrStopped)\n", "	_ = late\n"}},
		suites: []suite{allocators},
	},
	{
		name: "stop before the answers", breaks: "answers: a worker hangs up while the last ones are being sent",
		edits: []edit{
			{strongFile, "	s.underWay.Add(1) // Stop waits for the answers, too\n", ""},
			{strongFile, "	defer s.underWay.Done()\n", ""},
		},
		suites: []suite{allocators},
	},
	{
		name: "handed request handed on", breaks: "answers: two workers that believe in each other pass a request back and forth",
		edits:  []edit{{strongFile, "k.strong.rivals != nil && !b.direct", "k.strong.rivals != nil"}},
		suites: []suite{allocators},
	},
	{
		name: "segments without their store", breaks: "identity: one name in two stores is one segment",
		edits: []edit{
			{tableFile, "maphash.String(t.seed, key.Store)*odd", "odd"},
			{tableFile, "k.name == key.Name && k.store.name == key.Store", "k.name == key.Name"},
		},
		suites: []suite{simulation, allocators},
	},
	{
		name: "lost refill taken for done", breaks: "U: after an error the next range is taken to be ours",
		edits: []edit{{refillFile, "	k.stock.failed = err != nil\n", `	if err != nil && k.stock.current.N > 0 {
		ids, err = Range{First: k.stock.current.Last() + 1, N: a.N}, nil
	}
	k.stock.failed = err != nil
`}},
		suites: []suite{simulation, allocators},
	},
	{
		name: "segments out of order", breaks: "W: what is left of a segment is returned to after the next one was begun",
		edits: []edit{{segmentFile, "		s.current, s.next = s.next, Range{}\n	}\n	ids = s.current.take(n)\n", `		s.spent += n
		return s.next.take(n), true
	}
	ids = s.current.take(n)
`}},
		suites: []suite{simulation, allocators},
	},
	{
		name: "newer segment first", breaks: "W: a range is spent before one that was reserved earlier",
		edits:  []edit{{segmentFile, "		s.next = ids\n	case s.next.Last()", "		s.current, s.next = ids, s.current\n	case s.next.Last()"}},
		suites: []suite{simulation, allocators},
	},
	{
		name: "evicted segment goes to another key", breaks: "U: a key that takes a forgotten one's place takes its ids",
		edits: []edit{
			{weakFile, "	for w.keys.len >= w.config.MaxKeys {\n", "	var left stock\n	for w.keys.len >= w.config.MaxKeys {\n"},
			{weakFile, "		w.removeLocked(old)\n", "		w.removeLocked(old)\n		left = old.stock\n"},
			{weakFile, "	w.clock.add(k)\n", "	k.stock = left\n	w.clock.add(k)\n"},
		},
		suites: []suite{simulation, allocators},
	},
	{
		name: "key forgotten while it is fetched for", breaks: "W: a second advance of the key overtakes the first",
		edits:  []edit{{"allocator/clock.go", "		case k.refill != nil: // it still needs it\n			c.hand++\n", ""}},
		suites: []suite{simulation, allocators},
	},
	{
		name: "a fence revokes nothing", breaks: "U after a restore: a worker that is fenced goes on with the ids that it holds",
		edits:  []edit{{counterFile, "		c.hooks.Revoke()\n", "		_ = c.hooks.Revoke\n"}},
		suites: []suite{{"./allocator/etcd", "^TestFenceRevokes$"}, simulation},
	},
	{
		name: "hooks not wired", breaks: "U after a restore: nobody hears of a fence",
		edits:  []edit{{issuerFile, "	source.Attach(Hooks{Observer: config.Observer, Revoke: i.revoke, Drop: i.owned.Drop})\n", ""}},
		suites: []suite{simulation, allocators},
	},
	{
		name: "revoked ids in memory", breaks: "U after a restore: a fence is heard of, and ids in memory are issued",
		edits:  []edit{{issuerFile, "	i.weak.Forget()\n", ""}},
		suites: []suite{simulation, allocators},
	},
	{
		name: "revoked ids on their way", breaks: "U after a restore: what an advance brings that was under way at a fence is issued",
		edits:  []edit{{refillFile, "	case r.forgotten:\n", "	case false:\n"}},
		suites: []suite{simulation, allocators},
	},
	{
		name: "rivals believed in after a fence", breaks: "after a restore: requests go to a rival that knows less",
		edits:  []edit{{issuerFile, "		i.rivals.forgetAll()\n", ""}},
		suites: []suite{allocators},
	},
	{
		name: "a Source's gaps untold", breaks: "figures: ids that are perhaps reserved are missing",
		edits:  []edit{{issuerFile, "Hooks{Observer: config.Observer, Revoke", "Hooks{Revoke"}},
		suites: []suite{allocators},
	},
	{
		name: "deadlines of a batch not kept", breaks: "EXPIRED: a caller that waits for an advance under way is not told in time",
		edits:  []edit{{strongFile, "[2]*line{&k.batch, &k.waiting}", "[2]*line{&k.waiting}"}},
		suites: []suite{allocators},
	},
	{
		name: "outlived request answered from memory", breaks: "EXPIRED: ids are spent on a caller that has gone",
		edits:  []edit{{handleFile, "if w.stale(&a, now) {", "if false && w.stale(&a, now) {"}},
		suites: []suite{answers},
	},
}
