package settings

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator/etcd/dial"
	"github.com/seqd-io/seqd/allocator/etcd/record"
	"github.com/seqd-io/seqd/cmd/seqd/advice"
	"github.com/seqd-io/seqd/cmd/seqd/cmdline"
)

// Etcd says where a cluster is, who we are there, and below what the counters are
// kept.
type Etcd struct {
	Endpoints   []string      `yaml:"endpoints"`
	Prefix      string        `yaml:"prefix"`
	Username    string        `yaml:"username"`
	Password    string        `yaml:"password"`
	TLS         TLS           `yaml:"tls"`
	DialTimeout time.Duration `yaml:"dial_timeout"`
}

// TLS names files in PEM. They are read for every connection.
type TLS struct {
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
	CA   string `yaml:"ca"`
}

// Flags defines the settings that have a flag: all.
func (c *Etcd) Flags(fs *flag.FlagSet) {
	fs.Var((*cmdline.List)(&c.Endpoints), "etcd-endpoints", "`HOST:PORT` of etcd's members, with commas between them")
	fs.Var((*prefix)(&c.Prefix), "etcd-prefix", "`KEY` in etcd that the counters are kept below")
	fs.StringVar(&c.Username, "etcd-username", c.Username, "`NAME` of the etcd user")
	fs.StringVar(&c.Password, "etcd-password", c.Password, "etcd password; set it in the environment rather than here")
	fs.StringVar(&c.TLS.Cert, "etcd-cert", c.TLS.Cert, "`FILE` with the client certificate")
	fs.StringVar(&c.TLS.Key, "etcd-key", c.TLS.Key, "`FILE` with the client key")
	fs.StringVar(&c.TLS.CA, "etcd-ca", c.TLS.CA, "`FILE` with the certificate authority")
	fs.DurationVar(&c.DialTimeout, "etcd-dial-timeout", c.DialTimeout, "how long one attempt to connect to etcd may take")
}

// prefix is a flag that holds a prefix of etcd's keys.
type prefix string

func (p *prefix) String() string { return string(*p) }
func (p *prefix) Set(s string) error {
	canonical, err := record.CanonicalPrefix(s)
	if err == nil {
		*p = prefix(canonical)
	}
	return advice.Add(err)
}

// Dial returns a client of the cluster. It does not wait for it.
func (c Etcd) Dial(ctx context.Context, log *slog.Logger) (*clientv3.Client, error) {
	config := dial.Config{
		Endpoints: c.Endpoints,
		Username:  c.Username,
		Password:  c.Password,
		Timeout:   c.DialTimeout,
		Log:       log,
		Advise:    advice.For,
	}
	https := slices.ContainsFunc(c.Endpoints, func(e string) bool { return strings.HasPrefix(e, "https://") })
	if c.TLS != (TLS{}) || https { // else a handshake that fails would have no cause
		config.TLS = c.TLS.Client
		if _, err := c.TLS.Client(); err != nil {
			// Now, rather than with every try to connect.
			return nil, fmt.Errorf("etcd: %w; look at --etcd-ca, --etcd-cert and --etcd-key", err)
		}
	}
	return dial.Open(ctx, config)
}

// User returns the name that etcd knows us by: the configured one, or the one in
// the client's certificate; "" for none.
func (c Etcd) User() string {
	if c.Username != "" || c.TLS.Cert == "" {
		return c.Username
	}
	data, err := os.ReadFile(c.TLS.Cert)
	if err != nil {
		return ""
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return ""
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return ""
	}
	return cert.Subject.CommonName
}
