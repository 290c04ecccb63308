package worker

import (
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/subjects"
)

// Traced is a request whose caller asked for a trace, from its arrival to its answer.
// Key may be any of millions, unlike the label of a metric or the name of a span.
type Traced struct {
	Parent string // the traceparent header, as it came: looked at, not yet parsed
	State  string // the tracestate header, as it came

	Key  allocator.Key // zero if the subject is malformed
	Mode subjects.Mode // as served; as asked for if that was refused
	N    int           // ids asked for; 1 if that could not be read

	HandedOver bool // another worker got the request, and has handed it over to this one

	Arrived  time.Time // when the request came to this process, as far as is known, before it stood in nats.go's list
	Waited   time.Time // when it began to wait for ids; zero: it did not
	Advanced time.Time // when the advance began from which it was served; zero: that is not known
	Answered time.Time // when the answer was with nats.go

	IDs   allocator.Range // in the answer; empty if that is an error
	Error *subjects.Error // in the answer; nil if that is ids
}

// Headers of W3C's trace context, as they are written. Callers' libraries write
// them in other cases too, and so have some versions of nats-server.
const (
	traceParentHeader = "traceparent"
	traceStateHeader  = "tracestate"
)

// tracedOf returns a Traced if header asks for a trace, else nil, which costs no
// allocation. What it takes for a traceparent may turn out to be none.
func tracedOf(header nats.Header) *Traced {
	parent := headerOf(header, traceParentHeader)
	if len(parent) != 1 || !sampled(parent[0]) {
		return nil
	}
	return &Traced{Parent: parent[0], State: strings.Join(headerOf(header, traceStateHeader), ",")}
}

// headerOf returns a header's values, whatever case its name is in.
func headerOf(header nats.Header, name string) []string {
	if v, ok := header[name]; ok {
		return v
	}
	for other, v := range header {
		if len(other) == len(name) && strings.EqualFold(other, name) {
			return v
		}
	}
	return nil
}

// sampled reports whether parent can be a traceparent, 00-<32>-<16>-<2 digits>,
// whose last bit, "sampled", is set.
func sampled(parent string) bool {
	const flags = len("00-") + 32 + len("-") + 16 + len("-")
	if len(parent) < flags+2 || parent[flags-1] != '-' {
		return false
	}
	return strings.IndexByte("13579bdf", parent[flags+1]) >= 0
}

// asks notes what a request asks for.
func (t *Traced) asks(key allocator.Key, mode subjects.Mode, n int) {
	if t != nil {
		t.Key, t.Mode, t.N = key, mode, n
	}
}

// waits notes that a request begins to wait for ids.
func (t *Traced) waits() {
	if t != nil {
		t.Waited = time.Now()
	}
}

// traced hands a request over to Config.Trace, once it is answered.
func (w *Worker) traced(a *asked, ids allocator.Range, e *subjects.Error) {
	t := a.traced
	t.Arrived, t.Answered, t.IDs, t.Error = a.arrived, time.Now(), ids, e
	w.config.Trace(t)
}
