package main

const (
	targetFile   = "clients/go/target.go"
	suspendFile  = "worker/suspend.go"
	wireFile     = "worker/handover_wire.go"
	receiverFile = "worker/peers.go"
	fleetFile    = "cmd/seqd/fleet/fleet.go"
	plainFile    = "cmd/seqd/cmdline/plain.go"
)

var (
	staleReads = suite{"./allocator/etcd", "^TestStaleReads"}
	strangers  = suite{"./integration/goclient", "Strangers|LateAnswer"}
	forged     = suite{"./worker", "Forged|ParcelIsRefused|MalformedHandover|FuzzHandle"}
	shown      = suite{"./cmd/seqd", "HostileNames|EndlessAnswers"}
)

// knownMutants break seqd as others were found to be broken (see KNOWN-BUGS.md), or
// by what somebody sends.
var knownMutants = []mutant{
	{
		name: "stranger's answer taken", breaks: "S: a late answer is taken for the one to a later request",
		edits:  []edit{{targetFile, "	if reply.Nonce != req.Nonce {\n", "	if false {\n"}},
		suites: []suite{strangers},
	},
	{
		name: "record that is gone begun anew", breaks: "U: who deletes a counter has a worker that knows it begin at 1",
		edits:  []edit{{beliefFile, "		return belief{}, \"\", fmt.Errorf(\"%w: the record is gone\", allocator.ErrFenced)\n", "		return belief{}, \"\", nil\n"}},
		suites: []suite{counter},
	},
	{
		name: "stale read deposes an owner", breaks: "S: a session is deleted for what a read said of it, whatever it is by now",
		edits:  []edit{{"allocator/etcd/session.go", "return record.Remove(txn, c.prefix.Session(id), rev) })", "return txn.Then(clientv3.OpDelete(c.prefix.Session(id))) })"}},
		suites: []suite{staleReads},
	},
	{
		name: "stale read claims a key", breaks: "S: a key is claimed for what a read said of its owner's session",
		edits:  []edit{{advanceFile, ownerGuard, ""}},
		suites: []suite{staleReads},
	},
	{
		name: "segments grow without an end", breaks: "gaps: a runaway consumer burns the id space",
		edits:  []edit{{segmentFile, "want = min(want, float64(s.size)*maxGrowth, float64(p.Max))", "want = min(want, float64(s.size)*maxGrowth)"}},
		suites: []suite{{"./allocator", "^TestSegment"}},
	},
	{
		name: "keys kept over a suspension", breaks: "S: a machine whose clock stood still issues on what another one has taken over",
		edits:  []edit{{suspendFile, "		if b.lease.length == 0 {\n", "		if true {\n"}},
		suites: []suite{{"./worker", "Suspen"}},
	},
	{
		name: "handed over reply not looked at", breaks: "a forged message has a worker publish to NATS's own APIs and to other workers",
		edits:  []edit{{receiverFile, "	if !w.canAnswer(req.reply) {", "	if false {"}},
		suites: []suite{forged},
	},
	{
		name: "reply to the root answered", breaks: "a request whose answer is another request goes round for ever",
		edits:  []edit{{handleFile, "	case strings.HasPrefix(reply, w.config.Root) && strings.HasPrefix(reply[len(w.config.Root):], \".\"):\n		return false\n", ""}},
		suites: []suite{forged, {"./integration", "^TestHostileRequests$"}},
	},
	{
		name: "forged key not looked at", breaks: "a forged message makes counters with names that no request can have",
		edits:  []edit{{wireFile, "!found || subjects.CheckToken(\"store\", store) != nil || subjects.CheckKey(key) != nil", "!found"}},
		suites: []suite{forged},
	},
	{
		name: "key kept with its message", breaks: "memory: one key of a thousand that were handed over in a message keeps all of it",
		edits:  []edit{{beliefFile, "		key = key.Clone()\n", ""}},
		suites: []suite{{"./allocator/etcd", "BeliefsKeep"}},
	},
	{
		name: "terminal obeyed", breaks: "whoever answers $SRV writes to an operator's terminal",
		edits:  []edit{{plainFile, "	isPlain := func(r rune) bool { return unicode.IsPrint(r) || strings.ContainsRune(allowed, r) }\n", "	isPlain := func(r rune) bool { return unicode.IsPrint(r) || strings.ContainsRune(allowed, r) || r == '\\x1b' }\n"}},
		suites: []suite{shown},
	},
	{
		name: "answers without an end", breaks: "whoever answers $SRV fills the memory of doctor, top and the page",
		edits:  []edit{{fleetFile, "len(all) == MaxAnswers || size > maxAnswerBytes", "false"}},
		suites: []suite{shown},
	},
}
