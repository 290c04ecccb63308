// Package doctor looks at everything that a worker needs, as a worker would see
// it, and says what to do about what is wrong.
//
// It takes no id, writes nothing to etcd and joins no queue group that a request
// could be sent to: it may be run on a system that is in use. What it asks of
// etcd goes through consensus like a worker's own requests; a user with a
// password is logged in, which etcd keeps no record of in its revisions.
package doctor

import (
	"context"
	"crypto/tls"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/worker"
)

// Config says what to look at.
type Config struct {
	Version string // of this seqd
	Root    string // first token of the subjects
	Stores  []worker.Store

	// NATS says where NATS is, without secrets; Connect connects to it.
	NATS    string
	Connect func(options ...nats.Option) (*nats.Conn, error)

	// Monitor is the URL of a nats-server's monitoring, which alone tells its
	// settings. "": none.
	Monitor string

	Etcds []Etcd

	// Found is told of each finding at once. nil: nobody is.
	Found func(Finding)
}

// Etcd is an etcd cluster with a prefix, and the stores kept there.
type Etcd struct {
	Name      string // for people; "" if it is the only one
	Endpoints []string
	Prefix    string
	User      string // "": none
	Stores    []worker.Store

	// Dial returns a client of some of the endpoints, logged in.
	Dial func(ctx context.Context, endpoints []string) (*clientv3.Client, error)

	// TLS returns the settings for a connection; nil: plain, unless an endpoint is
	// https.
	TLS func() (*tls.Config, error)

	// As in the Config of a Counter.
	StateDir string
	FenceDir string
}

// stepTimeout bounds each question to a server.
const stepTimeout = 2 * time.Second

// examination is one run.
type examination struct {
	Config
	report Report

	nc           *nats.Conn        // nil: not reached
	incarnations map[string]string // by store: which counters etcd holds, where that is known

	alike  map[alike]int // findings so far
	unsaid []alike       // those of which there were more than mostAlike
}

// alike is what findings have in common that differ by a worker or a store.
type alike struct {
	check  string
	status Status
}

// mostAlike is how many findings that are alike are told. There may be one for each
// store of each worker.
const mostAlike = 20

// Examine makes all checks, and blocks until they are done; once ctx has ended
// those that are left fail or are skipped.
func Examine(ctx context.Context, config Config) *Report {
	e := &examination{Config: config, report: Report{Version: config.Version, OK: true}, incarnations: map[string]string{}}
	e.lookAtNATS(ctx)
	if e.nc != nil {
		defer e.nc.Close()
	}
	var clocks clocks
	leased := slices.ContainsFunc(config.Stores, func(s worker.Store) bool { return s.Leased })
	if e.nc != nil && (leased || slices.ContainsFunc(config.Stores, func(s worker.Store) bool { return s.Numbers != nil })) {
		clocks = e.readClocks(ctx)
	}
	for _, etcd := range config.Etcds {
		e.lookAtEtcd(ctx, etcd)
	}
	if e.nc != nil {
		e.lookAtWorkers(ctx)
		e.lookAtWallClocks(clocks)
		if leased {
			e.lookAtClocks(ctx, clocks)
		}
	}
	e.countUnsaid()
	return &e.report
}

// found tells a finding, if there are not too many like it.
func (e *examination) found(f Finding) {
	a := alike{f.Check, f.Status}
	if e.alike == nil {
		e.alike = map[alike]int{}
	}
	if e.alike[a]++; e.alike[a] > mostAlike {
		if e.alike[a] == mostAlike+1 {
			e.unsaid = append(e.unsaid, a)
		}
		return
	}
	e.tell(f)
}

// countUnsaid tells how many findings were not told.
func (e *examination) countUnsaid() {
	for _, a := range e.unsaid {
		e.tell(Finding{Check: a.check, Status: a.status, Text: fmt.Sprintf("%d more like these", e.alike[a]-mostAlike), Try: "see to those above first"})
	}
}

func (e *examination) tell(f Finding) {
	e.report.add(f)
	if e.Found != nil {
		e.Found(f)
	}
}

func (e *examination) ok(check, where, text string) {
	e.found(Finding{Check: check, Where: where, Status: OK, Text: text})
}

func (e *examination) warn(check, where, text, try string) {
	e.found(Finding{Check: check, Where: where, Status: Warn, Text: text, Try: try})
}

func (e *examination) fail(check, where, text, try string) {
	e.found(Finding{Check: check, Where: where, Status: Fail, Text: text, Try: try})
}

func (e *examination) skip(check, where, text, try string) {
	e.found(Finding{Check: check, Where: where, Status: Skip, Text: text, Try: try})
}
