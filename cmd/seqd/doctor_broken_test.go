//go:build !lean

package main

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/micro"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/seqd-io/seqd/cmd/seqd/doctor"
	"github.com/seqd-io/seqd/integration/servers"
)

func TestDoctorWithoutNATS(t *testing.T) {
	nats, _ := system(t)
	nats.Stop()
	report, _ := examine(t)
	want(t, report, "nats.connect", doctor.Fail, "start nats-server, or name it with --nats-url")
	want(t, report, "nats.permissions", doctor.Skip, "")
	want(t, report, "workers", doctor.Skip, "")
	want(t, report, "etcd.write", doctor.OK, "")
	wantOnly(t, report, "nats.connect", "nats.permissions", "workers")
}

func TestDoctorWithoutEtcd(t *testing.T) {
	_, db := system(t)
	db.Stop()
	report, _ := examine(t)
	want(t, report, "etcd.member", doctor.Fail, db.Endpoint+": ")
	want(t, report, "etcd", doctor.Skip, "no voting member answers")
	want(t, report, "nats.permissions", doctor.OK, "")
	wantOnly(t, report, "etcd.member", "etcd", "workers.replicas")
}

// A member that TLS does not come about with was said not to answer.
func TestDoctorOnAHandshakeThatFails(t *testing.T) {
	_, db := system(t)
	t.Setenv("SEQD_ETCD_ENDPOINTS", "https://"+db.Endpoint)
	report, _ := examine(t)
	want(t, report, "etcd.member", doctor.Fail, "look whether etcd speaks TLS at this port")
}

// Each permission that a worker needs is missed by its own name, and a user with
// just those has them.
func TestDoctorMissesPermissions(t *testing.T) {
	_, _ = system(t)
	worker := func() *server.Permissions {
		return &server.Permissions{
			Subscribe: &server.SubjectPermission{Allow: []string{"seq.*.> seqd", "$SRV.>", "_SEQD.>", "_INBOX.>"}},
			Publish:   &server.SubjectPermission{Allow: []string{"_SEQD.>", "_INBOX.>"}},
		}
	}
	for name, test := range map[string]struct {
		change func(*server.Permissions)
		want   string // "": nothing is missed
	}{
		"all": {change: func(*server.Permissions) {}},
		"store by name": {change: func(p *server.Permissions) { p.Subscribe.Allow[0] = "seq.orders.>" },
			want: `allow it to subscribe to "seq.*.> seqd"`},
		"other group": {change: func(p *server.Permissions) { p.Subscribe.Allow[0] = "seq.*.> other" },
			want: `allow it to subscribe to "seq.*.> seqd"`},
		"deny": {change: func(p *server.Permissions) { p.Subscribe.Deny = []string{"seq.>"} },
			want: `may not serve seq.*.>`},
		"discovery": {change: func(p *server.Permissions) { p.Subscribe.Allow[1] = "other" },
			want: `may not be discovered by $SRV.PING: `},
		"discovery by id": {change: func(p *server.Permissions) { p.Subscribe.Allow[1] = "$SRV.*" },
			want: `may not be discovered by $SRV.PING.seqd: `},
		"hear peers": {change: func(p *server.Permissions) { p.Subscribe.Allow[2] = "other" },
			want: `a worker with this user can neither hand work to other workers nor answer: nats: permissions violation: Permissions Violation for Subscription to "_SEQD.`},
		"inbox": {change: func(p *server.Permissions) { p.Subscribe.Allow[3] = "other" },
			want: `Permissions Violation for Subscription to "_INBOX.`},
		"ask peers": {change: func(p *server.Permissions) { p.Publish.Allow[0] = "other" },
			want: `Permissions Violation for Publish to "_SEQD.`},
		"answer": {change: func(p *server.Permissions) { p.Publish.Allow[1] = "other" },
			want: `Permissions Violation for Publish to "_INBOX.`},
		"answers allowed": {change: func(p *server.Permissions) {
			p.Publish.Allow[1], p.Response = "other", &server.ResponsePermission{MaxMsgs: 1, Expires: time.Minute}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && test.want != "" && name != "deny" {
				t.Skip("takes two seconds, as the others do")
			}
			permissions := worker()
			test.change(permissions)
			nats := servers.StartNATS(t, func(o *server.Options) {
				o.Users = []*server.User{{Username: "worker", Password: "pw", Permissions: permissions}}
			})
			t.Setenv("NATS_URL", nats.URL)
			t.Setenv("NATS_USER", "worker")
			t.Setenv("NATS_PASSWORD", "pw")
			report, _ := examine(t)
			if test.want == "" {
				want(t, report, "nats.permissions", doctor.OK, "")
			} else {
				want(t, report, "nats.permissions", doctor.Fail, test.want)
			}
			want(t, report, "workers", doctor.Skip, `publish to "$SRV.>"; a worker does not need it`)
		})
	}
	t.Run("wrong password", func(t *testing.T) {
		nats := servers.StartNATS(t, func(o *server.Options) { o.Username, o.Password = "worker", "pw" })
		t.Setenv("NATS_URL", nats.URL)
		report, got := examine(t, "--nats-user", "worker", "--nats-password", "hunter2")
		want(t, report, "nats.connect", doctor.Fail, "look at the user and password")
		if contains(got, "hunter2") {
			t.Error("a secret was printed")
		}
		nats.Stop()
		report, got = examine(t, "--nats-url", strings.Replace(nats.URL, "nats://", "nats://worker:hunter2@", 1))
		want(t, report, "nats.connect", doctor.Fail, nats.URL)
		if contains(got, "hunter2") {
			t.Error("a secret was printed")
		}
	})
}

// What etcd itself complains of.
func TestDoctorOnASickEtcd(t *testing.T) {
	_, db := system(t)
	client := db.Connect(t)

	// A counter that somebody has written by hand, and one that is nearly used up.
	for key, value := range map[string]string{"demo/bad": `{"fmt":9}`, "demo/good": `{"fmt":1,"last":7,"by":"x"}`, "demo/high": `{"fmt":1,"last":9223372036854775000,"by":"x"}`} {
		if _, err := client.Put(t.Context(), "/seqd/v1/counters/"+key, value); err != nil {
			t.Fatal(err)
		}
	}
	report, _ := examine(t)
	want(t, report, "etcd.counters", doctor.Fail, "1 of 3 counters are not understood, and requests for their keys are answered INTERNAL: demo/bad")
	want(t, report, "etcd.counters", doctor.Warn, "1 of 3 counters have spent nine tenths of all ids: demo/high")
	wantOnly(t, report, "etcd.counters", "workers.replicas")

	// A history that is never thrown away, and then is.
	var writers sync.WaitGroup
	for range 16 {
		writers.Go(func() {
			for range 9_900 / 16 {
				if _, err := client.Put(t.Context(), "/other", ""); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	writers.Wait()
	report, _ = examine(t)
	want(t, report, "etcd.compaction", doctor.OK, "it is too early to tell: ")
	resp, err := client.Put(t.Context(), "/other", "")
	for range 200 {
		resp, err = client.Put(t.Context(), "/other", "")
	}
	if err != nil {
		t.Fatal(err)
	}
	report, _ = examine(t)
	want(t, report, "etcd.compaction", doctor.OK, "is compacted yet, and etcd was started ") // by its metrics
	if _, err := client.Compact(t.Context(), resp.Header.Revision-5); err != nil {
		t.Fatal(err)
	}
	report, _ = examine(t)
	want(t, report, "etcd.compaction", doctor.OK, fmt.Sprintf("compacted up to revision %d; 5 revisions are kept", resp.Header.Revision-5))

	// Alarms.
	raise := maintenance(t, db.Endpoint)
	for _, alarm := range []pb.AlarmType{pb.AlarmType_NOSPACE, pb.AlarmType_CORRUPT} {
		if _, err := raise.Alarm(t.Context(), &pb.AlarmRequest{Action: pb.AlarmRequest_ACTIVATE, Alarm: alarm}); err != nil {
			t.Fatal(err)
		}
		report, _ = examine(t)
		want(t, report, "etcd.alarms", doctor.Fail, alarm.String())
		want(t, report, "etcd.write", doctor.Fail, "a write would not be accepted")
	}
	want(t, report, "etcd.alarms", doctor.Fail, "etcdctl alarm disarm")
}

// maintenance asks etcd as etcdctl does, for what the client has no method for.
func maintenance(t *testing.T, endpoint string) pb.MaintenanceClient {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+endpoint, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return pb.NewMaintenanceClient(conn)
}

// What a user may do in etcd: too much, too little, nothing.
func TestDoctorOnEtcdUsers(t *testing.T) {
	_, db := system(t)
	root := db.Connect(t)
	enableAuth(t, root)
	report, _ := examine(t)
	want(t, report, "etcd.role", doctor.OK, "user seqd may write, and so delete, below /seqd only")

	admin, err := clientv3.New(clientv3.Config{Endpoints: []string{db.Endpoint}, Username: "root", Password: "root"})
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	grant := func(key, end string, kind clientv3.PermissionType) {
		t.Helper()
		if _, err := admin.RoleGrantPermission(t.Context(), "ids", key, end, kind); err != nil {
			t.Fatal(err)
		}
	}
	grant("/other", "", clientv3.PermissionType(clientv3.PermRead))
	report, _ = examine(t)
	want(t, report, "etcd.role", doctor.OK, "")
	grant("/seqd-too", "", clientv3.PermissionType(clientv3.PermWrite))
	report, _ = examine(t)
	want(t, report, "etcd.role", doctor.Warn, `ids writes "/seqd-too"`)
	grant("/a", "\x00", clientv3.PermissionType(clientv3.PermReadWrite))
	report, _ = examine(t)
	want(t, report, "etcd.role", doctor.Warn, `ids writes everything from "/a"`)

	report, _ = examine(t, "--etcd-username", "root", "--etcd-password", "root")
	want(t, report, "etcd.role", doctor.Warn, "user root is root")

	report, got := examine(t, "--etcd-password", "hunter2")
	want(t, report, "etcd.member", doctor.Fail, "look at --etcd-username")
	if contains(got, "hunter2") {
		t.Error("a secret was printed")
	}
	report, _ = examine(t, "--etcd-username", "", "--etcd-password", "")
	want(t, report, "etcd.member", doctor.Fail, "set --etcd-username")

	for _, to := range [][2]string{{"/seqd/", clientv3.GetPrefixRangeEnd("/seqd/")}, {"/a", "\x00"}} {
		if _, err := admin.RoleRevokePermission(t.Context(), "ids", to[0], to[1]); err != nil {
			t.Fatal(err)
		}
	}
	report, _ = examine(t)
	want(t, report, "etcd.member", doctor.Fail, "etcdctl role grant-permission ROLE")
}

// The worst fault: etcd is restored beneath workers, and to nobody else it shows.
func TestDoctorOnARestoredBackup(t *testing.T) {
	nats, db := system(t)
	t.Setenv("SEQD_STATE_DIR", t.TempDir())
	startWorkers(t, 1) // which has seen the last id's revision; a second one may not have
	wantIDs(t, nats.URL, "1\n", "demo", "key", "--mode", "strong")
	backup := db.Backup(t)
	wantIDs(t, nats.URL, "2\n", "demo", "key", "--mode", "strong")
	report, _ := examine(t)
	wantOnly(t, report, "workers.replicas")
	db.Restore(t, backup, 0)

	examineUntil(t, "workers.state", doctor.Fail)
	report = examineUntil(t, "etcd.incarnation", doctor.Fail) // which may be a moment behind
	want(t, report, "etcd.incarnation", doctor.Fail, "seqd admin jump --all --by N")
	want(t, report, "workers.state", doctor.Fail, "is fenced for seq.*.>")
	want(t, report, "workers.replicas", doctor.Fail, "workers that answer: 1; none serves seq.*.>")
}

// Workers that don't fit to each other.
func TestDoctorOnWorkersAtOdds(t *testing.T) {
	nats, db := system(t)
	startWorkers(t, 2)
	report, _ := examine(t)
	wantOnly(t, report)

	// One that looks like a worker, of another version, with other rules and in a
	// group of its own: as the services framework makes it.
	nc := nats.Connect(t)
	stranger, err := micro.AddService(nc, micro.Config{
		Name: "seqd", Version: "9.9.9", QueueGroup: "other", Metadata: map[string]string{"root": "seq"},
		Endpoint: &micro.EndpointConfig{Subject: "seq.*.>", Handler: micro.HandlerFunc(func(micro.Request) {}), Metadata: map[string]string{"state": "serving", "max_count": "7"}},
	})
	if err == nil {
		err = nc.Flush() // else it may not be there yet when doctor asks
	}
	if err != nil {
		t.Fatal(err)
	}
	report, _ = examine(t)
	want(t, report, "workers.version", doctor.Warn, "workers of several versions: 0.1.0-dev × 2, 9.9.9 × 1")
	want(t, report, "workers.queue", doctor.Fail, `hears seq.*.> in the queue group "other": requests are answered twice`)
	want(t, report, "workers.rules", doctor.Warn, "the workers of seq.*.> don't agree on max_count: 100000 or 7")
	wantOnly(t, report, "workers.version", "workers.queue", "workers.rules")
	if err := errors.Join(stranger.Stop(), nc.Flush()); err != nil {
		t.Fatal(err)
	}

	// Another root, which is another installation's, and another etcd, which is
	// the way to issue ids twice; for one store and for all is as bad.
	startWorkers(t, 1, "--root", "ids")
	report, _ = examine(t)
	want(t, report, "workers.root", doctor.Warn, "workers under another root: ids.> (")
	wantOnly(t, report, "workers.root")

	second := servers.StartEtcd(t)
	startWorkers(t, 1, "--etcd-endpoints", second.Endpoint)
	for _, args := range [][]string{nil, {"--etcd-endpoints", second.Endpoint}} {
		report, _ = examine(t, args...)
		want(t, report, "workers.counters", doctor.Fail, "the same ids are issued twice")
		want(t, report, "workers.counters", doctor.Fail, "and this configuration names")
		wantOnly(t, report, "workers.root", "workers.counters")
	}
	_ = db
}

// What a store is kept in can be another etcd, on purpose.
func TestDoctorOnSeveralEtcds(t *testing.T) {
	_, one := system(t)
	two := servers.StartEtcd(t)
	file := configFile(t, fmt.Sprintf("etcd: {endpoints: [%s]}\nstores:\n  a: {}\n  b:\n    etcd: {endpoints: [%s]}\n", one.Endpoint, two.Endpoint))
	t.Setenv("SEQD_ETCD_ENDPOINTS", "")
	t.Setenv("SEQD_CONFIG", file)
	for range 2 { // each is in two groups, and enters one before the other
		p := start(t, nil, "worker")
		for _, store := range []string{"a", "b"} {
			p.wait(t, p.stderr, `joined the queue group" [^\n]*store=`+store)
		}
	}
	report, _ := examine(t)
	wantOnly(t, report)
	for _, db := range []*servers.Etcd{one, two} {
		want(t, report, "etcd.incarnation", doctor.OK, db.Endpoint)
	}
	two.Stop()
	report, _ = examine(t)
	want(t, report, "etcd.member", doctor.Fail, two.Endpoint)
	want(t, report, "etcd.write", doctor.OK, one.Endpoint)
}

// A learner was fine by doctor: "it takes no requests", and workers sent it
// every second one.
func TestDoctorOnALearner(t *testing.T) {
	nats := servers.StartNATS(t, nil)
	cluster := servers.StartEtcdCluster(t, 1)
	learner := cluster.Learner(t)
	t.Setenv("NATS_URL", nats.URL)
	t.Setenv("SEQD_ETCD_ENDPOINTS", learner.Endpoint+","+cluster[0].Endpoint)
	report, _ := examine(t)
	want(t, report, "etcd.member", doctor.Warn, "learner: it takes no requests")
	want(t, report, "etcd.member", doctor.OK, "leader")
	want(t, report, "etcd.write", doctor.OK, "a write would be accepted")
	t.Setenv("SEQD_ETCD_ENDPOINTS", learner.Endpoint)
	report, _ = examine(t)
	want(t, report, "etcd.member", doctor.Warn, "etcdctl member promote")
	want(t, report, "etcd.write", doctor.Fail, "only learners answer")
}

// An etcd that takes less in a transaction than by default makes many keys slow,
// and told nobody.
func TestDoctorOnAnEtcdThatTakesLess(t *testing.T) {
	nats := servers.StartNATS(t, nil)
	t.Setenv("NATS_URL", nats.URL)
	for _, test := range []struct {
		change func(*embed.Config)
		status doctor.Status
		text   string
	}{
		{func(c *embed.Config) { c.MaxTxnOps = 16 }, doctor.Warn, "etcd takes 15 advances in a transaction"},
		{func(c *embed.Config) { c.MaxTxnOps = 2 }, doctor.Warn, "etcd takes 1 advances in a transaction"},
		{func(c *embed.Config) { c.MaxRequestBytes = 10_000 }, doctor.Warn, "etcd takes 9 advances in a transaction"},
		{func(c *embed.Config) { c.MaxRequestBytes = 500 }, doctor.Fail, "etcd takes no transaction as large"},
		{func(*embed.Config) {}, doctor.OK, "etcd takes 127 advances in a transaction"},
	} {
		db := servers.StartEtcdWith(t, func(c *embed.Config) { c.UnsafeNoFsync = true; test.change(c) })
		t.Setenv("SEQD_ETCD_ENDPOINTS", db.Endpoint)
		report, _ := examine(t)
		want(t, report, "etcd.batch", test.status, test.text)
		db.Stop()
	}
}
