package main

const (
	pullFile     = "cmd/seqd/stamper/pull.go"
	identityFile = "cmd/seqd/stamper/identity.go"
	stampFile    = "cmd/seqd/stamper/stamp.go"
	stampIDsFile = "cmd/seqd/stamper/ids.go"
	startFile    = "cmd/seqd/stamper/consumer.go"
	gapsFile     = "cmd/seqd/stamper/gaps.go"
	outputFile   = "cmd/seqd/stamper/output.go"
	prepareFile  = "cmd/seqd/stamper/prepare.go"
)

var (
	replicated = suite{"./cmd/seqd/stamper", "^(TestReplicated|TestStamp|TestStatusHeaderInSource)$"}
	madeAnew   = suite{"./cmd/seqd/stamper", "MadeAnew|OtherOutput|Unstamped|Older"}
	restored   = suite{"./cmd/seqd/stamper", "Restored|FallsBack"}
	changed    = suite{"./cmd/seqd/stamper", "StopsThatSayWhy|GoesOnThrough"}
	others     = suite{"./cmd/seqd/stamper", "SomebodyElse|TwinInOther"}
	limits     = suite{"./cmd/seqd/stamper", "MaxMsgSizeRaised"}
	stampOrder = suite{"./cmd/seqd/stamper", "OrderAfterCrash|Kept|RedeliveredAfterWindow"}
)

// stampMutants are about where seqd stamp takes its messages from, and where it
// goes on.
var stampMutants = []mutant{
	{
		name: "pull ends with its status", breaks: "replicated streams: the status comes first, and nothing is ever stamped",
		edits:  []edit{{pullFile, "left = n - undelivered - len(got)", "left = 0"}},
		suites: []suite{replicated},
	},
	{
		name: "status known by its header", breaks: "a message that has a status header is taken for the server's word, and blocks all",
		edits:  []edit{{pullFile, `if msg.Reply != "" {`, `if len(msg.Data) > 0 {`}},
		suites: []suite{replicated},
	},
	{
		name: "outstanding messages not counted", breaks: "source order: what a dead stamper left behind is passed over",
		edits:  []edit{{stampFile, "if info.NumAckPending != len(batch) {", "if info.NumAckPending < len(batch) {"}},
		suites: []suite{stampOrder},
	},
	{
		name: "consumer not looked at", breaks: "a batch of a stream that is gone is taken for one of its namesake",
		edits:  []edit{{stampFile, "if !info.Created.Equal(from) {", "if info.Created.IsZero() {"}},
		suites: []suite{madeAnew},
	},
	{
		name: "source's age not looked at", breaks: "a source made anew: its messages up to the position are stamped nowhere",
		edits:  []edit{{identityFile, "if !at.made.IsZero() && !at.made.Equal(made) {", "if at.made.After(made) {"}},
		suites: []suite{madeAnew},
	},
	{
		name: "source's end not looked at", breaks: "a source put back to an older state: the same happens while it is shorter",
		edits:  []edit{{identityFile, "if info.State.LastSeq < at.source && !begins {", "if info.State.LastSeq == 0 && !begins {"}},
		suites: []suite{restored},
	},
	{
		name: "source's message not looked at", breaks: "a source put back to an older state: the same happens when it is as long as before",
		edits:  []edit{{identityFile, "case !at.stored.IsZero() && !msg.Time.Equal(at.stored):", "case msg.Time.IsZero():"}},
		suites: []suite{restored},
	},
	{
		name: "old position believed", breaks: "a source made anew: a position without the source's age is believed",
		edits:  []edit{{identityFile, "if at.made.IsZero() && !at.stored.IsZero() && made.After(at.stored) {", "if made.IsZero() {"}},
		suites: []suite{madeAnew},
	},
	{
		name: "new consumer from an unchecked position", breaks: "a source made anew: the consumer that is made begins behind its first messages",
		edits:  []edit{{startFile, "	if at.made, err = s.checkSource(ctx, at); err != nil {\n		return 0, note{}, err\n	}\n", ""}},
		suites: []suite{madeAnew},
	},
	{
		name: "output's age not looked at", breaks: "an output made anew, or another one: what is acknowledged is in neither",
		edits:  []edit{{identityFile, "case !knownMade.IsZero() && !knownMade.Equal(made):", "case made.IsZero():"}},
		suites: []suite{restored, madeAnew},
	},
	{
		name: "output's end not looked at", breaks: "an output that lost its last messages: what was in them is stamped nowhere",
		edits:  []edit{{identityFile, "case at.last < known.last:", "case at.last == 0 && known.last > 1000000:"}},
		suites: []suite{restored},
	},
	{
		name: "ack floor not looked at", breaks: "what somebody else acknowledges is passed over",
		edits:  []edit{{gapsFile, "if upTo <= at.source {", "if at.last > 0 {"}},
		suites: []suite{madeAnew},
	},
	{
		name: "kept ids never too old", breaks: "increasing ids: those of an attempt that was refused are used behind another stamper's newer ones",
		edits:  []edit{{stampIDsFile, "if s.drawn.ids == nil || s.drawn.last != s.at.last {", "if s.drawn.ids == nil {"}},
		suites: []suite{stampOrder},
	},
	{
		name: "beginning not looked at", breaks: "what is before the place where somebody has made the consumer begin is stamped nowhere",
		edits:  []edit{{gapsFile, "if s.begun && len(*s.filters) > 0 {", "if s.at != nil {"}},
		suites: []suite{changed},
	},
	{
		name: "no gap before the first", breaks: "what somebody else acknowledges before anything is stamped is stamped nowhere",
		edits: []edit{
			{gapsFile, "if at.source == 0 && info.Config.DeliverPolicy != jetstream.DeliverAllPolicy {", "if at.source == 0 {"},
			{gapsFile, "if s.at.source == 0 && info.Config.DeliverPolicy != jetstream.DeliverAllPolicy {", "if s.at.source == 0 {"},
		},
		suites: []suite{others},
	},
	{
		name: "anybody's acknowledgement", breaks: "a stream of that name in another domain answers, and the source is acknowledged without a copy",
		edits:  []edit{{outputFile, "if domain == o.domain {", "if o.stream != domain {"}},
		suites: []suite{others},
	},
	{
		name: "filter not looked at", breaks: "a consumer whose filter is changed passes over messages",
		edits:  []edit{{startFile, "if slices.Equal(has, *s.filters) {", "if info != nil {"}},
		suites: []suite{changed},
	},
	{
		name: "edited consumer not looked at", breaks: "a consumer that is edited gives up messages",
		edits:  []edit{{stampFile, "if err := s.stillFits(info); err != nil {", "if err := s.stillFits(info); err != nil && info == nil {"}},
		suites: []suite{changed},
	},
	{
		name: "lost messages not counted", breaks: "messages that the source drops before they are stamped are missing without a word",
		edits:  []edit{{stampFile, "if lost == 0 || !s.dense", "if lost >= 0 || !s.dense"}},
		suites: []suite{changed},
	},
	{
		name: "old limit believed", breaks: "with --on-bad skip, messages are passed over that the output would have taken",
		edits:  []edit{{prepareFile, "if errors.Is(err, errTooLarge) && !asked {", "if errors.Is(err, errTooLarge) && asked {"}},
		suites: []suite{limits},
	},
}
