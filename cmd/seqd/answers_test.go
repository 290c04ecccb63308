//go:build !lean

package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/allocator/etcd/operate"
	"github.com/seqd-io/seqd/cmd/seqd/doctor"
	"github.com/seqd-io/seqd/integration/servers"
)

// told waits for one request.
type told chan error

func (t told) Allocated(_ *allocator.Request, _ allocator.Range, err error) { t <- err }

// Whoever may write below the prefix may record answers too: etcd asks nothing
// more of who grants a lease.
func TestRoleOfAnswers(t *testing.T) {
	db := startGuardedEtcd(t)
	client := db.as(t, "seqd", seqdPassword)
	c := etcd.NewCounter(client, etcd.Config{Writer: "w"})
	defer c.Close()
	issuer := allocator.NewIssuer(c, allocator.IssuerConfig{})
	defer issuer.Stop()
	for range 2 {
		done := make(told, 1)
		issuer.AllocateOnce(&allocator.Request{
			Key: allocator.Key{Store: "demo", Name: "k"}, N: 1, Deadline: time.Now().Add(5 * time.Second), Waiter: done,
			Once: &allocator.Once{Key: "once", Window: time.Minute},
		}, false)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	a := operate.New(client, "")
	if got, err := a.Answers(t.Context()); err != nil || got.N != 1 {
		t.Errorf("got %+v, %v, want one answer", got, err)
	}
	// But with leases of others it is shown none.
	others, err := db.root.Grant(t.Context(), 600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.root.Put(t.Context(), "/other", "", clientv3.WithLease(others.ID)); err != nil {
		t.Fatal(err)
	}
	if got, err := a.Answers(t.Context()); !errors.Is(err, rpctypes.ErrPermissionDenied) {
		t.Errorf("got %+v, %v, want that it is denied", got, err)
	}
	for name, value := range db.env(seqdPassword) {
		t.Setenv(name, value)
	}
	t.Setenv("NATS_URL", servers.StartNATS(t, nil).URL)
	report, _ := examine(t)
	want(t, report, "etcd.answers", doctor.Skip, "can't be counted: etcd shows its leases only to a user who may read every key that ends with one of them")
}

func TestDoctorCountsAnswers(t *testing.T) {
	nats := servers.StartNATS(t, nil)
	db := servers.StartEtcdWith(t, func(c *embed.Config) { c.UnsafeNoFsync, c.QuotaBackendBytes = true, 8<<20 })
	t.Setenv("NATS_URL", nats.URL)
	t.Setenv("SEQD_ETCD_ENDPOINTS", db.Endpoint)
	client := db.Connect(t)
	lease, err := client.Grant(t.Context(), 600)
	if err != nil {
		t.Fatal(err)
	}
	report, _ := examine(t)
	if strings.Contains(lines(report), "etcd.answers") {
		t.Errorf("told of answers where there are none: %s", lines(report))
	}
	put := func(n, size int) {
		t.Helper()
		for i := range n {
			value := `{"fmt":1,"id":7,"n":1,"mode":"strong"}` + strings.Repeat(" ", size)
			if _, err := client.Put(t.Context(), fmt.Sprint("/seqd/v1/answers/demo/k/", i), value, clientv3.WithLease(lease.ID)); err != nil {
				t.Fatal(err)
			}
		}
	}
	put(10, 0)
	report, _ = examine(t)
	want(t, report, "etcd.answers", doctor.OK, "about 10 answers are kept for repeats, 1.6 KiB (0 % of the quota)")
	want(t, report, "etcd.counters", doctor.OK, "all are understood: 0")
	put(30, 100_000)
	report, _ = examine(t)
	want(t, report, "etcd.answers", doctor.Warn, "about 30 answers are kept for repeats, 2.9 MiB (36 % of the quota)")
}
