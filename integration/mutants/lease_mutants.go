package main

const (
	tenureFile        = "allocator/tenure.go"
	ownedFile         = "allocator/owned.go"
	sessionFile       = "allocator/etcd/session.go"
	releaseFile       = "allocator/etcd/release.go"
	sessionRecordFile = "allocator/etcd/record/session.go"
	leaseFile         = "worker/lease.go"
	peersFile         = "worker/peers.go"
	handoverFile      = "worker/handover.go"
)

// ownGuard has a claim compare with the claimer's session, ownerGuard an advance
// with that of an owner who has gone.
const (
	ownGuard   = "			d.swap.Guards = append(d.swap.Guards, record.Guard{Path: d.c.prefix.Session(rec.Owner), Created: d.created})\n"
	ownerGuard = "			d.swap.Guards = append(d.swap.Guards, record.Guard{Path: d.c.prefix.Session(d.known.owner)})\n"
)

// leaseMutants break what makes an owner's ids strict. Other lists have the ones
// that break clock-free ids in the same way; README maps them to M1 to M12.
var leaseMutants = []mutant{
	{
		name: "M1 no lease check", breaks: "S: an owner issues on after its lease",
		edits:  []edit{{tenureFile, "t != nil && int64(now.Sub(t.began)) < t.until.Load()", "t != nil && int64(now.Sub(t.began)) != t.until.Load()"}},
		suites: []suite{frozen, simulation},
	},
	{
		name: "M2 clock read in advance", breaks: "S: an owner that stood still issues as if it had not",
		edits: []edit{
			{weakFile, "	now   func() time.Time // that it is held against\n", "	now   func() time.Time // that it is held against\n	read  time.Time\n"},
			{ownedFile, "	case w.tenure.Holds(now):\n", "	case w.tenure.Holds(w.read):\n"},
			{ownedFile, "{ return !w.owned || w.tenure.Holds(w.now()) }", "{\n	if w.owned {\n		w.read = w.now()\n	}\n	return !w.owned || w.tenure.Holds(w.read)\n}"},
		},
		suites: []suite{frozen, simulation},
	},
	{
		name: "M3 lease counted from the answer", breaks: "S: a renewal whose answer takes long gives more time than there is",
		edits:  []edit{{sessionFile, "s.renewed(out.Rev, sent, sent.Add(mine.HolderStops()))", "sent = c.config.Now()\n			s.renewed(out.Rev, sent, sent.Add(mine.HolderStops()))"}},
		suites: []suite{frozen, simulation},
	},
	{
		name: "M7 the tenure of now", breaks: "S: ids are held against the tenure that there is, not the one they came from",
		edits:  []edit{{ownedFile, "	w.dropAllLocked(GapTenure)\n	w.tenure = t\n", "	w.tenure = t\n"}},
		suites: []suite{allocators, simulation},
	},
	{
		name: "M8 issued after a release", breaks: "U: ids that were given back are issued",
		edits:  []edit{{ownedFile, "		w.clock.removeAt(at)\n		w.removeLocked(k)\n", "		at++\n"}},
		suites: []suite{allocators, simulation},
	},
	{
		name: "M12 advanced by another than the owner", breaks: "S: another process reserves ids above the owner's window",
		edits: []edit{
			{advanceFile, "	others := d.c.others(now.owner)\n", "	others := now.owner == \"nobody\"\n"},
			{advanceFile, ownerGuard, ""},
		},
		suites: []suite{simulation},
	},
	{
		name: "challenger waits too short", breaks: "S: a key is taken over while its owner's lease lasts",
		edits:  []edit{{sessionRecordFile, "return s.Lease + s.Lease/10 }", "return s.Lease / 2 }"}},
		suites: []suite{clocks},
	},
	{
		name: "session guard dropped", breaks: "S: a key is claimed by a process without a session, which nobody watches",
		edits:  []edit{{advanceFile, ownGuard, ""}},
		suites: []suite{simulation},
	},
	{
		name: "owner guard dropped", breaks: "S: a key is taken from an owner that was gone and is back",
		edits:  []edit{{advanceFile, ownerGuard, ""}},
		suites: []suite{simulation},
	},
	{
		name: "let go of while issuing", breaks: "S: a drained owner's session is deleted, and it goes on",
		edits: []edit{
			{ownedFile, "	w.tenure.End() // whoever takes ids does so under the lock\n", ""},
			{ownedFile, "	w.forgetLocked(GapTenure)\n	w.mu.Unlock()\n", "	w.mu.Unlock()\n"},
			{sessionFile, "	s.end()\n	s.turn.Lock()\n	defer s.turn.Unlock()\n	s.end() // a renewal may have been under way\n", "	s.turn.Lock()\n	defer s.turn.Unlock()\n"},
			{sessionFile, "		case kv == nil:\n			s.found(0, 0)\n		default: // an", "		case kv == nil:\n			s.mu.Lock()\n			s.rev, s.created = 0, 0\n			s.mu.Unlock()\n		default: // an"},
		},
		suites: []suite{simulation},
	},
	{
		name: "tenure outlives its session", breaks: "S: an owner that was deposed and has a new session goes on with the old windows",
		edits:  []edit{{sessionFile, "	if created != s.created {\n", "	if created != s.created && s.tenure == nil {\n"}},
		suites: []suite{frozen},
	},
	{
		name: "more given back than is left", breaks: "U: a released key's mark falls below ids that were issued",
		edits:  []edit{{releaseFile, "	last := b.last - int64(rest.N)\n", "	last := b.last - int64(rest.N)\n	if rest.N > 0 && last > 0 {\n		last--\n	}\n"}},
		suites: []suite{simulation},
	},
	{
		name: "word of an operator not heard", breaks: "S: an owner goes on with its window after a raise",
		edits:  []edit{{ownedFile, "		w.dropLocked(k, GapRevoked)\n		if k.refill != nil {", "		if k.refill != nil {"}},
		suites: []suite{allocators},
	},
	{
		name: "lease renewed by a worker that does not serve", breaks: "a stuck worker keeps its keys from others",
		edits:  []edit{{leaseFile, "if err := l.prove(ctx); err != nil {", "if err := l.prove(ctx); err != nil && ctx.Err() != nil {"}},
		suites: []suite{{"./worker", "^TestStuckWorkerDoesNotRenew$"}},
	},
	{
		name: "taken although it waited", breaks: "one answer: a request is answered by the owner and by the worker that went on without it",
		edits:  []edit{{peersFile, "	late := old > min(patience, wordPatience)", "	late := old > 1000*min(patience, wordPatience)"}},
		suites: []suite{{"./worker", "HandoversAreNotTaken|HandoversThatWereHeldUp"}},
	},
	{
		name: "taken by a worker that hands it over too", breaks: "requests go round between two workers that believe that the other one wins",
		edits:  []edit{{peersFile, `st.backend.issuer.Rival(req.key) != ""`, `st.backend.issuer.Rival(req.key) == "nobody"`}},
		suites: []suite{{"./worker", "^TestLosersTakeNothing$"}},
	},
	{
		name: "served again after the word", breaks: "one answer: a request that was taken is served here too",
		edits:  []edit{{handoverFile, "			taken++\n			c.end()\n", "			taken++\n			c.goOn(p.peer)\n"}},
		suites: []suite{{"./worker", "^TestHandedOver$|^TestWordSaidTwice$"}},
	},
}
