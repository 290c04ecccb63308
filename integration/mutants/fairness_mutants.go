package main

const (
	queueFile = "allocator/etcd/queue.go"
	callFile  = "worker/call.go"
)

var (
	turns  = suite{"./allocator/etcd", "Queue"}
	places = suite{"./worker", "OneStore"}
)

// fairnessMutants let who asks for more than there is keep the others from what they ask for.
var fairnessMutants = []mutant{
	{
		name: "stores in one line", breaks: "fairness: everybody waits behind the store that asks most",
		edits:  []edit{{queueFile, "	t := q.turns[s.store]\n	if t == nil {\n		t = q.open(s.store)\n		q.line(t)", "	t := q.last\n	if t == nil {\n		t = q.open(s.store)\n		q.line(t)"}},
		suites: []suite{turns},
	},
	{
		name: "the next turn is the same store's", breaks: "fairness: a store is served until nothing of it is due",
		edits:  []edit{{queueFile, "	q.line(t)\n	return s\n", "	if q.last == nil {\n		q.last = t\n	}\n	t.next, q.first = q.first, t\n	return s\n"}},
		suites: []suite{turns},
	},
	{
		name: "others' turns counted", breaks: "fairness: who has nothing due is BUSY, for another store's queue is long",
		edits:  []edit{{txnsFile, "t.due.before(s.store)", "t.due.len"}},
		suites: []suite{turns},
	},
	{
		name: "one store has every place", breaks: "fairness: all others are BUSY while it asks for more than there is",
		edits:  []edit{{callFile, "free < 0 || own > greed*(free+1)", "free < 0 || own < 0"}},
		suites: []suite{places},
	},
	{
		name: "a store's place kept", breaks: "a store that was BUSY once has fewer places from then on",
		edits:  []edit{{callFile, "		w.waiting.Add(-1)\n		st.waiting.Add(-1)\n", "		w.waiting.Add(-1)\n"}},
		suites: []suite{places},
	},
	{
		name: "an answered request keeps its store's place", breaks: "a store is BUSY after as many answers as there are places",
		edits:  []edit{{callFile, "	c.store.waiting.Add(-1)\n", ""}},
		suites: []suite{places},
	},
}
