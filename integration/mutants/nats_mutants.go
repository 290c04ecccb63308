package main

const (
	answersFile   = "worker/answers.go"
	subscribeFile = "worker/subscribe.go"
	watchFile     = "worker/watch.go"
	storeFile     = "worker/store.go"
	connectFile   = "worker/connect.go"
	doctorRules   = "cmd/seqd/doctor/rules.go"
)

var (
	denied = suite{pkg: "./worker", run: "TestTooFewSubscriptions|TestAccountsLimitRaised|TestLimitLowered|TestSubscriptionsRefused|TestOneStoreRefused|TestSubscriptionTakenBack|TestMayNotAnswer|TestMayAnswer|TestForgedReplySubject|TestTinyMaxPayload|TestMaxPayloadLowered"}
	takes  = suite{pkg: "./worker", run: "TestNoHeaders|TestAnswerTooLarge"}
	ghosts = suite{pkg: "./worker", run: "TestNoGhostInTheQueueGroup|TestComesBackWithNATS"}
	doctor = suite{pkg: "./cmd/seqd", run: "TestDoctorComparesWhatRulesCover|TestDoctorWantsEveryStoreServed"}
)

var natsMutants = []mutant{
	{
		name: "a limit is no refusal", breaks: "a worker whose subscriptions are too many believes that it serves",
		edits:  []edit{{subscribeFile, "	case errors.Is(after, nats.ErrMaxSubscriptionsExceeded):\n", "	case false:\n"}},
		suites: []suite{denied},
	},
	{
		name: "a limit stays for ever", breaks: "a worker is not served when the limit of its account is raised",
		edits:  []edit{{subscribeFile, "errors.Is(before, nats.ErrMaxSubscriptionsExceeded) && !w.limits.within(limitEcho)", "false"}},
		suites: []suite{denied},
	},
	{
		name: "joined before it can answer", breaks: "a worker whose answers NATS refuses takes requests and wastes ids",
		edits:  []edit{{answersFile, "		if refusesPublish(err, p.reply) {\n", "		if false {\n"}},
		suites: []suite{denied},
	},
	{
		name: "refused answers cast no doubt", breaks: "a worker whose permission to answer is taken away stays",
		edits:  []edit{{answersFile, "	if a.trusted.Swap(false) {\n		w.lookSoon()\n	}\n", ""}},
		suites: []suite{denied},
	},
	{
		name: "one refused answer is proof", breaks: "a caller with an odd reply subject pushes a worker out",
		edits:  []edit{{answersFile, "	if a.trusted.Swap(false) {\n", "	for _, st := range w.sortedStores() {\n		st.deny(st.refusedBar(err))\n	}\n	if a.trusted.Swap(false) {\n"}},
		suites: []suite{denied},
	},
	{
		name: "closed for good", breaks: "a worker does not come back after a max_payload that was lowered",
		edits:  []edit{{watchFile, "		if w.conn().IsClosed() {\n			w.connectAnew()\n		}\n", ""}},
		suites: []suite{denied},
	},
	{
		name: "no word of ids that do not fit", breaks: "who asks for more than fits into an answer waits, and asks again",
		edits:  []edit{{handleFile, "		if w.answers.lost(err) {\n", "		if w.answers.lost(err) && a.once != \"\" {\n"}},
		suites: []suite{takes},
	},
	{
		name: "headers not looked at", breaks: "a worker serves where no error can be sent",
		edits:  []edit{{watchFile, "	if !nc.HeadersSupported() {", "	if !nc.HeadersSupported() && nc.IsClosed() {"}},
		suites: []suite{takes},
	},
	{
		name: "error too large", breaks: "an error that does not fit is not sent without its text",
		edits:  []edit{{handleFile, "	if errors.Is(err, nats.ErrMaxPayload) {\n", "	if errors.Is(err, nats.ErrTimeout) {\n"}},
		suites: []suite{denied},
	},
	{
		name: "left to nats.go", breaks: "after an outage NATS sends requests to a subscription that nobody hears",
		edits: []edit{
			{storeFile, "	for _, sub := range st.draining {\n		_ = sub.Unsubscribe() // fails only if it or the connection is closed\n	}\n	st.draining = nil\n	st.outLocked(true)\n", "	st.outLocked(false)\n"},
		},
		suites: []suite{ghosts},
	},
	{
		name: "rules by name", breaks: "doctor does not compare a worker of every store with one of this store",
		edits:  []edit{{doctorRules, "				p, ok = workers[id][subjects.AnyStore]\n", "				continue\n"}},
		suites: []suite{doctor},
	},
}
