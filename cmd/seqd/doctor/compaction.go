package doctor

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/seqd-io/seqd/allocator/etcd/operate"
)

// How many revisions etcd may keep before its compaction is taken to be off, or
// not to keep up. A busy system makes some 20 000 a second, and keeps those of
// the last minutes; each takes some 300 bytes.
const (
	youngHistory = 10_000
	longHistory  = 5_000_000
)

// How long ago etcd was started, for its compaction to have been due. With a
// retention of minutes, or of a number of revisions, it has happened after
// youngProcess; with one of hours, which is for histories that are never long,
// after oldProcess.
const (
	youngProcess = 10 * time.Minute
	oldProcess   = 25 * time.Hour
)

const compactionOn = "start etcd with --auto-compaction-mode=periodic --auto-compaction-retention=1m: every advance of a counter is a revision"

// lookAtCompaction judges by how many revisions etcd keeps, and for how long it
// has run: its settings are told to nobody. It can't tell a compaction that was
// done once, by hand, from one that is on, and of a young etcd nothing at all.
func (e *examination) lookAtCompaction(ctx context.Context, c Etcd, admin *operate.Admin, members []*member) {
	compacted, now, err := admin.Compacted(ctx)
	if err != nil {
		e.skip("etcd.compaction", c.Name, "not looked at: "+textOf(err), "")
		return
	}
	var age time.Duration // 0: not known
	if compacted == 0 && now > youngHistory {
		age = ageOfLeader(ctx, c, members)
	}
	status, text := judgeCompaction(compacted, now, age)
	f := Finding{Check: "etcd.compaction", Where: c.Name, Status: status, Text: text}
	if status != OK {
		f.Try = compactionOn
	}
	e.found(f)
}

// judgeCompaction judges a history of that many revisions; age is for how long
// etcd has run, 0 if that is not known.
func judgeCompaction(compacted, now int64, age time.Duration) (Status, string) {
	kept := now - compacted
	switch {
	case compacted > 0 && kept > longHistory:
		return Warn, fmt.Sprintf("etcd keeps %d revisions since its last compaction, at %d: look whether it is compacted regularly", kept, compacted)
	case compacted > 0:
		return OK, fmt.Sprintf("compacted up to revision %d; %d revisions are kept", compacted, kept)
	case now <= youngHistory:
		return OK, fmt.Sprintf("it is too early to tell: none of %d revisions is compacted yet", now)
	case age == 0:
		return Warn, fmt.Sprintf("of %d revisions none was ever compacted: if etcd has run for longer than %v, its compaction is off", now, youngProcess)
	case age < youngProcess:
		return OK, fmt.Sprintf("it is too early to tell: none of %d revisions is compacted yet, and etcd was started %v ago", now, age.Round(time.Second))
	case age < oldProcess && now <= longHistory:
		return Warn, fmt.Sprintf("of %d revisions none was compacted in the %v since etcd was started: compaction is off, or set to hours", now, age.Round(time.Minute))
	}
	return Fail, fmt.Sprintf("of %d revisions none was compacted in the %v since etcd was started: the database grows until it is full", now, age.Round(time.Minute))
}

// ageOfLeader returns for how long the member has run that compacts; 0 if nobody
// tells.
func ageOfLeader(ctx context.Context, c Etcd, members []*member) time.Duration {
	for _, m := range members {
		if m.status != nil && m.status.Leader == m.status.Header.MemberId {
			age, err := ageOf(ctx, c, m.endpoint)
			if err != nil {
				return 0 // many keep their metrics to themselves
			}
			return max(age, 1)
		}
	}
	return 0
}

// ageOf asks for etcd's metrics, at the address of its clients, where they are
// unless somebody has moved them. By the member's own clock.
func ageOf(ctx context.Context, c Etcd, endpoint string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	target, config := metricsURL(endpoint), (*tls.Config)(nil)
	if c.TLS != nil {
		target.Scheme = "https"
		var err error
		if config, err = c.TLS(); err != nil {
			return 0, err
		}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return 0, err
	}
	transport := &http.Transport{TLSClientConfig: config} // and no proxy: see dial.Open
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(request)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	now, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return 0, err
	}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "process_start_time_seconds "); ok {
			started, err := strconv.ParseFloat(text, 64)
			return now.Sub(time.UnixMilli(int64(started * 1000))), err
		}
	}
	return 0, fmt.Errorf("%s does not show process_start_time_seconds", target)
}

func metricsURL(endpoint string) *url.URL {
	if u, err := url.Parse(endpoint); err == nil && u.Host != "" {
		return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/metrics"}
	}
	return &url.URL{Scheme: "http", Host: endpoint, Path: "/metrics"}
}
