package doctor

// For tests of what can't be seen from outside.
var (
	ProbeSubject = probeSubject
	Older        = older
)
