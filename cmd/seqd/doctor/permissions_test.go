package doctor_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/cmd/seqd/doctor"
	"github.com/seqd-io/seqd/integration/servers"
	"github.com/seqd-io/seqd/subjects"
)

// What stands for a worker's subscription is refused if and only if that is,
// whatever the permissions; and it is no subject that can be asked for.
func TestProbeStandsForTheWorkersSubject(t *testing.T) {
	var patterns []string
	for _, subject := range []string{">", "*", "seq.>", "seq.*", "seq.*.>", "seq.*.*", "*.*.>", "seq.orders.>", "seq.orders.*", "seq.orders.*.>", "seq.orders.a.>", "seq.other.>", "seq.orders", "ids.>"} {
		for _, group := range []string{"", " seqd", " seq*", " other", " >"} {
			patterns = append(patterns, subject+group)
		}
	}
	type test struct{ allow, deny []string }
	var tests []test
	for _, p := range patterns {
		tests = append(tests, test{allow: []string{p}}, test{deny: []string{p}}, test{allow: []string{">"}, deny: []string{p}}, test{allow: []string{p, "_INBOX.>"}, deny: []string{"seq.orders.secret.>"}})
	}
	nats := servers.StartNATS(t, func(o *server.Options) {
		for i, test := range tests {
			o.Users = append(o.Users, &server.User{Username: fmt.Sprint(i), Password: "p", Permissions: &server.Permissions{
				Subscribe: &server.SubjectPermission{Allow: test.allow, Deny: test.deny}}})
		}
	})
	allowed, refused := 0, 0
	for i, test := range tests {
		nc := connectAs(t, nats.URL, fmt.Sprint(i))
		for _, store := range []string{"orders", subjects.AnyStore} {
			real := maySubscribe(t, nc, subjects.Wildcard("seq", store))
			if probe := maySubscribe(t, nc, doctor.ProbeSubject("seq", store)); probe != real {
				t.Errorf("%+v: a worker of %s may subscribe: %v, the probe: %v", test, store, real, probe)
			}
			if real {
				allowed++
			} else {
				refused++
			}
		}
		nc.Close()
	}
	if allowed < 50 || refused < 50 {
		t.Errorf("%d allowed and %d refused show little", allowed, refused)
	}

	for _, store := range []string{"orders", subjects.AnyStore} {
		subject := doctor.ProbeSubject("seq", store)
		if _, _, err := subjects.Parse("seq", subject); err == nil {
			t.Errorf("%s can be asked for", subject)
		}
		if subject == doctor.ProbeSubject("seq", store) || !strings.HasPrefix(subject, "seq.") {
			t.Errorf("%s is not random", subject)
		}
	}
}

func connectAs(t *testing.T, url, user string) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(url, nats.UserInfo(user, "p"), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// maySubscribe subscribes as a worker does.
func maySubscribe(t *testing.T, nc *nats.Conn, subject string) bool {
	t.Helper()
	before := nc.LastError()
	sub, err := nc.QueueSubscribe(subject, subjects.Queue, func(*nats.Msg) {})
	if err == nil {
		err = nc.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	refusal := nc.LastError()
	_ = sub.Unsubscribe()
	return refusal == before || !errors.Is(refusal, nats.ErrPermissionViolation)
}

func TestOlder(t *testing.T) {
	for _, test := range []struct {
		version string
		want    bool
	}{
		{"3.7.3", false}, {"3.7.4", false}, {"3.10.0", false}, {"4.0.0", false}, {"v3.7.3", false}, {"3.7.3-rc.1", false},
		{"3.7.2", true}, {"3.6.9", true}, {"2.99.99", true}, {"", true}, {"not a version", true},
	} {
		if got := doctor.Older(test.version, "3.7.3"); got != test.want {
			t.Errorf("%q is older than 3.7.3: got %v", test.version, got)
		}
	}
}
