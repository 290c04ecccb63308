package settings

import (
	"cmp"
	"errors"
	"os"
	"strings"

	"github.com/seqd-io/seqd/cmd/seqd/tracing"
	"github.com/seqd-io/seqd/subjects"
)

// Check finds everything that keeps a worker of this configuration from starting,
// but for what other processes hold, as a port, and returns the clusters that its
// stores are kept in. A worker begins with it, and check-config is nothing else.
func (c *Config) Check(src Source) ([]Cluster, error) {
	if err := c.checkProcess(src); err != nil {
		return nil, err
	}
	err := c.NATS.check(func(setting string) string { return src.named("nats", setting) })
	var bad *settingError
	if errors.As(err, &bad) {
		return nil, src.errorf([]string{"nats", bad.setting}, "%v", bad.err)
	}
	clusters, err := c.clusters(src, readSecret)
	if err != nil {
		return nil, err
	}
	if err := c.checkWritten(src); err != nil {
		return nil, err
	}
	return clusters, c.checkEtcdFiles(src)
}

// checkProcess checks the settings of the process as a whole.
func (c *Config) checkProcess(src Source) error {
	if err := subjects.CheckToken("root", c.Root); err != nil {
		return src.errorf([]string{"root"}, "%s", TextOf(err))
	}
	if inbox, _, _ := strings.Cut(cmp.Or(c.NATS.InboxPrefix, "_INBOX"), "."); c.Root == inbox || c.Root == subjects.PeerRoot {
		return src.errorf([]string{"root"}, "answers or words between workers have subjects that begin with %s: choose another for the requests", c.Root)
	}
	if c.HTTP != NoHTTP {
		if err := CheckHTTPAddr(c.HTTP); err != nil {
			return src.errorf([]string{"http"}, "%v, or %s for no HTTP", err, NoHTTP)
		}
	}
	if err := checkPage(c.Page); err != nil {
		return src.errorf([]string{"page"}, "%v, not %q", err, c.Page)
	}
	switch {
	case c.MaxWaiting < 1:
		return src.errorf([]string{"max_waiting"}, "must be at least 1, not %d", c.MaxWaiting)
	case c.MaxKeys < 1 || c.MaxKeys > mostKeys:
		return src.errorf([]string{"max_keys"}, "must be between 1 and %d, not %d", mostKeys, c.MaxKeys)
	case c.MaxPatience <= 0:
		return src.errorf([]string{"max_patience"}, "must be more than 0, not %v", c.MaxPatience)
	case c.DrainTimeout <= 0:
		return src.errorf([]string{"drain_timeout"}, "must be more than 0, not %v", c.DrainTimeout)
	}
	if info, err := os.Stat(c.StateDir); c.StateDir != "" && err == nil && !info.IsDir() {
		return src.errorf([]string{"state_dir"}, "%s is a file: name a folder, which is made if it is not there", c.StateDir)
	}
	if setting, err := c.Log.validate(); err != nil {
		return src.errorf([]string{"log", setting}, "%v", err)
	}
	if err := tracing.Check(c.Tracing.OTLPEndpoint); err != nil {
		return src.errorf([]string{"tracing", "otlp_endpoint"}, "%v", err)
	}
	return tracing.CheckEnvironment(c.Tracing.OTLPEndpoint)
}

// mostKeys is more than any machine's memory has room for.
const mostKeys = 1_000_000_000

// checkWritten refuses what a store's rules say in so many words and would not get:
// for a setting that is left out its zero stands for the default.
func (c *Config) checkWritten(src Source) error {
	for name, s := range c.Stores {
		for _, zero := range []struct {
			is   bool
			path []string
			text string
		}{
			{s.Mode == "", []string{"mode"}, "must be strong or weak"},
			{len(s.Modes) == 0, []string{"modes"}, "must hold strong, weak or both"},
			{s.MaxCount == 0, []string{"max_count"}, "must be at least 1, not 0"},
			{s.Weak.SegmentMin == 0, []string{"weak", "segment_min"}, "must be at least 1, not 0"},
			{s.Weak.SegmentMax == 0, []string{"weak", "segment_max"}, "must be at least 1, not 0"},
			{s.Weak.Runway == 0, []string{"weak", "runway"}, "must be more than 0"},
			{s.Etcd != nil && s.Etcd.DialTimeout == 0, []string{"etcd", "dial_timeout"}, "must be more than 0"},
		} {
			if path := append([]string{"stores", name}, zero.path...); zero.is && src.says(path...) {
				return src.errorf(path, "%s: leave it out for the default", zero.text)
			}
		}
	}
	return nil
}

// checkEtcdFiles reads the certificates and keys of every etcd that is named.
func (c *Config) checkEtcdFiles(src Source) error {
	check := func(t TLS, at ...string) error {
		if _, err := (TLS{CA: t.CA}).Client(); err != nil {
			return src.errorf(append(at, "tls", "ca"), "%v; look at --etcd-ca", hintFile(err))
		}
		if _, err := (TLS{Cert: t.Cert, Key: t.Key}).Client(); err != nil {
			return src.errorf(append(at, "tls", "cert"), "%v; look at --etcd-cert and --etcd-key", hintFile(err))
		}
		return nil
	}
	err := check(c.Etcd.TLS, "etcd")
	for name, s := range c.Stores {
		if err == nil && s.Etcd != nil {
			err = check(s.Etcd.TLS, "stores", name, "etcd")
		}
	}
	return err
}
