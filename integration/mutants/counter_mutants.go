package main

const (
	counterFile = "allocator/etcd/counter.go"
	commitFile  = "allocator/etcd/commit.go"
	txnsFile    = "allocator/etcd/txns.go"
	guardFile   = "allocator/etcd/guard.go"
	recordFile  = "allocator/etcd/record.go"
)

// mutants is all of them: first the Counter's, then the allocators' and the
// worker's.
var mutants = append(counterMutants, allocatorMutants...)

var counterMutants = []mutant{
	{
		name: "blind put", breaks: "U: a record is written whatever it is by now",
		edits:  []edit{{commitFile, `clientv3.ModRevision(s.path), "=", s.rev)`, `clientv3.ModRevision(s.path), ">", min(s.rev, -1))`}},
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
		edits: []edit{{counterFile, "		if !pause.wait(ctx) {\n", `		if ctx.Err() == nil {
			return ids, "", nil
		}
		if !pause.wait(ctx) {
`}},
		suites: []suite{simulation, counter},
	},
	{
		name: "no space taken for not applied", breaks: "U, S: the range of a transaction that was refused is used for the next request",
		edits: []edit{
			{counterFile, "	mu      sync.Mutex\n", "	mu      sync.Mutex\n	spare   map[allocator.Key]allocator.Range\n"},
			{counterFile, "	known := c.belief(key)\n", `	c.mu.Lock()
	if spare := c.spare[key]; spare.N == n {
		delete(c.spare, key)
		c.mu.Unlock()
		return spare, "", nil
	}
	c.mu.Unlock()
	known := c.belief(key)
`},
			{counterFile, "		if !pause.wait(ctx) {\n", `		if ids.N > 0 && strings.Contains(err.Error(), "database space exceeded") {
			c.mu.Lock()
			if c.spare == nil {
				c.spare = map[allocator.Key]allocator.Range{}
			}
			c.spare[key] = ids
			c.mu.Unlock()
			return allocator.Range{}, "", allocator.ErrUnavailable
		}
		if !pause.wait(ctx) {
`},
			{counterFile, "	\"sync\"\n", "	\"strings\"\n	\"sync\"\n"},
		},
		suites: []suite{simulation, counter},
	},
	{
		name: "own mark taken for own range", breaks: "U: a lost race that finds our name and mark is taken for won, though two advances of ours may ask",
		edits: []edit{{counterFile, "			if yield && known.rev != 0", `			if by == c.config.Writer && now.last == ids.Last() {
				return ids, "", nil
			}
			if yield && known.rev != 0`}},
		suites: []suite{simulation, counter},
	},
	{
		name: "issued before it is durable", breaks: "U: ids leave while their transaction is on its way",
		edits: []edit{{counterFile, "		out, err := c.txns.swap(ctx, path, known.rev, value)\n", `		if known.rev != 0 && c.config.Writer != "" {
			go c.txns.swap(c.txns.ctx, path, known.rev, value)
			return ids, "", nil
		}
		out, err := c.txns.swap(ctx, path, known.rev, value)
`}},
		suites: []suite{simulation, counter},
	},
	{
		name: "late answer adopted", breaks: "U: the outcome of a swap that was given up reaches the next one",
		edits: []edit{{txnsFile, "			return outcome{}, context.Cause(ctx)\n", `			t.swaps.Put(s)
			return outcome{}, context.Cause(ctx)
`}},
		suites: []suite{simulation, counter},
	},
	{
		name: "place lost", breaks: "answers: a sender that gives up keeps its place, until nobody can send",
		edits:  []edit{{txnsFile, "no other will come\n		t.passPlaceLocked()\n", "no other will come\n"}},
		suites: []suite{simulation, counter},
	},
	{
		name: "guard off", breaks: "U after a restore: the headers are not looked at",
		edits:  []edit{{guardFile, "	case g.cluster != 0 && h.ClusterId != g.cluster:", "	case true:\n	case g.cluster != 0 && h.ClusterId != g.cluster:"}},
		suites: []suite{simulation, counter},
	},
	{
		name: "cluster not guarded", breaks: "U after a replacement: another cluster is taken for ours",
		edits:  []edit{{guardFile, "g.cluster != 0 && h.ClusterId != g.cluster", "false"}},
		suites: []suite{simulation, counter},
	},
	{
		name: "mark may fall", breaks: "U after a restore: a record that went back is believed",
		edits: []edit{
			{counterFile, "now.last < known.last || now.rev < known.rev", "false"},
			{counterFile, "if ok && (old.rev < b.rev", "if false && (old.rev < b.rev"},
			{guardFile, "h.Revision < sent", "false"},
		},
		suites: []suite{simulation, counter},
	},
	{
		name: "advance over a restore", breaks: "U after a restore: what an advance brings is not held against what others have learned",
		edits:  []edit{{counterFile, "if ok && (old.rev < b.rev", "if false && (old.rev < b.rev"}},
		suites: []suite{counter, simulation},
	},
	{
		name: "revision may come twice", breaks: "U after a restore: a write that gets a revision seen before is believed",
		edits:  []edit{{guardFile, "h.Revision == sent && wrote", "false"}},
		suites: []suite{counter, simulation},
	},
	{
		name: "floor lowers", breaks: "U: a floor below the mark is where ids go on",
		edits:  []edit{{counterFile, "next(max(known.last, c.config.Floor(key)), n)", "next(map[bool]int64{true: known.last, false: c.config.Floor(key)}[c.config.Floor(key) == 0], n)"}},
		suites: []suite{simulation, counter},
	},
	{
		name: "wraps at the end", breaks: "ids are positive: past math.MaxInt64 they are not",
		edits:  []edit{{counterFile, "if int64(n) > math.MaxInt64-last {", "if last == math.MaxInt64 {"}},
		suites: []suite{simulation, counter},
	},
	{
		name: "record without its store", breaks: "identity: one name in two stores is one record",
		edits:  []edit{{counterFile, `countersPath + key.Store + "/" + key.Name`, `countersPath + "x/" + key.Name`}},
		suites: []suite{simulation, counter},
	},
	{
		name: "any format will do", breaks: "a newer version's record is overwritten",
		edits:  []edit{{recordFile, "raw.Fmt != recordFormat", "raw.Fmt < recordFormat"}},
		suites: []suite{counter},
	},
}
