package doctor

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/micro"

	"github.com/seqd-io/seqd/integration/servers"
	"github.com/seqd-io/seqd/worker"
)

// A worker whose lease is over, or is renewed late, is named, and one that owns
// nothing, or has no store with a lease, is not.
func TestLeases(t *testing.T) {
	server := servers.StartNATS(t, nil)
	type said struct {
		lease           worker.LeaseState
		status, finding string
	}
	for name, workers := range map[string][]said{
		"none has one": {{worker.LeaseNone, "", ""}},
		"idle":         {{worker.LeaseIdle, "ok", "keys owned: 7"}},
		"in time":      {{worker.LeaseHeld, "ok", "keys owned: 7"}},
		"late":         {{worker.LeaseLate, "warn", "renews its lease of 3000 ms late: 1400 ms are left of it"}},
		"lost":         {{worker.LeaseLost, "fail", "has ended and is not renewed"}},
		"three":        {{worker.LeaseLost, "fail", "has ended"}, {worker.LeaseLate, "warn", "late"}, {worker.LeaseHeld, "", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			var mine []endpoint
			for _, w := range workers {
				nc := server.Connect(t)
				lease := "0s"
				if w.lease != worker.LeaseNone {
					lease = "3s"
				}
				s, err := micro.AddService(nc, micro.Config{
					Name: worker.ServiceName, Version: "1.0.0", Metadata: map[string]string{worker.MetadataRoot: "seq"},
					StatsHandler: func(*micro.Endpoint) any {
						return worker.EndpointData{State: worker.Serving, LeaseData: worker.LeaseData{LeaseMs: 3000, LeaseLeftMs: 1400, LeaseState: w.lease, OwnedKeys: 7}}
					},
				})
				if err == nil {
					err = s.AddEndpoint("a", micro.HandlerFunc(func(micro.Request) {}), micro.WithEndpointSubject("seq.a.>"))
				}
				if err == nil {
					err = nc.Flush()
				}
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = s.Stop() }()
				mine = append(mine, endpoint{EndpointInfo: micro.EndpointInfo{Metadata: map[string]string{worker.MetadataLease: lease}}})
			}
			e := &examination{Config: Config{Root: "seq"}, nc: server.Connect(t)}
			e.lookAtLeases(t.Context(), mine)
			got, _ := json.Marshal(e.report.Findings)
			found := 0
			for _, w := range workers {
				if w.status == "" {
					continue
				}
				found++
				if !strings.Contains(string(got), `"status":"`+w.status+`"`) || !strings.Contains(string(got), w.finding) {
					t.Errorf("want %s %q, got %s", w.status, w.finding, got)
				}
			}
			if len(e.report.Findings) != found {
				t.Errorf("want %d findings, got %s", found, got)
			}
		})
	}
}

// Workers of which only some have a lease are right while it is turned on or off,
// and an oversight else.
func TestRulesOfLeases(t *testing.T) {
	at := func(id, lease string) endpoint {
		metadata := map[string]string{}
		if lease != "" {
			metadata[worker.MetadataLease] = lease
		}
		return endpoint{EndpointInfo: micro.EndpointInfo{Subject: "seq.a.>", Metadata: metadata}, id: id, root: "seq"}
	}
	for name, test := range map[string]struct {
		all  []endpoint
		want Status
	}{
		"the same":  {[]endpoint{at("1", "3s"), at("2", "3s"), at("old", "")}, OK},
		"different": {[]endpoint{at("1", "3s"), at("2", "0s")}, Warn},
	} {
		e := &examination{Config: Config{Root: "seq"}}
		e.lookAtRules(covering(test.all, nil))
		if got := e.report.Findings; len(got) != 1 || got[0].Status != test.want {
			t.Errorf("%s: got %+v, want one %v", name, got, test.want)
		}
	}
}
