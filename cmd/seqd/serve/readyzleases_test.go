package serve

import (
	"strings"
	"testing"
	"time"

	"github.com/seqd-io/seqd/worker"
)

// ?verbose says what is owned and for how long, and marks a lease that is late or
// lost; a worker that has nothing to do with leases or other workers says nothing.
func TestReadyzTellsLeases(t *testing.T) {
	backend := func(left time.Duration, keys int) worker.BackendSnapshot {
		return worker.BackendSnapshot{Name: "a:2379", Lease: 3 * time.Second, LeaseLeft: left, OwnedKeys: keys, Renewals: 60, RenewalsFailed: 5, RenewalsHeld: 7}
	}
	stores := []worker.StoreSnapshot{
		{Name: "orders", Takeovers: map[string]int64{"gone": 3, "stood_still": 2}, Unleased: 8},
		{Name: "users", Takeovers: map[string]int64{"gone": 1}, Unleased: 1},
	}
	handed := "requests handed over: 100, refused 20, lost 3, in messages: 12; taken from other workers: 55\n"
	const over = "keys taken over: gone 4, stood_still 2, requests refused for want of a lease: 9\n"
	for name, test := range map[string]struct {
		backends []worker.BackendSnapshot
		handed   int64
		want     string
	}{
		"no lease":                 {[]worker.BackendSnapshot{{Name: "a:2379"}}, 0, ""},
		"no lease, other workers":  {[]worker.BackendSnapshot{{Name: "a:2379"}}, 100, handed},
		"well, beside one without": {[]worker.BackendSnapshot{backend(1904*time.Millisecond, 256), {Name: "b"}}, 100, "[+]lease a:2379 ok, 1.9s of 3s left, keys owned: 256; renewals: 60, failed 5, held 7\n" + over + handed},
		"late":                     {[]worker.BackendSnapshot{backend(1490*time.Millisecond, 256)}, 100, "[-]lease a:2379: renewed late, 1.49s of 3s left, keys owned: 256; renewals: 60, failed 5, held 7\n" + over + handed},
		"lost":                     {[]worker.BackendSnapshot{backend(-time.Second, 256)}, 100, "[-]lease a:2379: not renewed, and over; keys that were owned: 256; renewals: 60, failed 5, held 7\n" + over + handed},
		"idle":                     {[]worker.BackendSnapshot{backend(0, 0)}, 100, "[+]lease a:2379 ok, of 3s, no key owned; renewals: 60, failed 5, held 7\n" + over + handed},
	} {
		t.Run(name, func(t *testing.T) {
			s := worker.Snapshot{Backends: test.backends, Stores: stores}
			if test.handed > 0 {
				s.HandedOver, s.HandoversRefused, s.HandoversLost, s.HandoverMessages, s.HandoversReceived = test.handed, 20, 3, 12, 55
			}
			var out strings.Builder
			writeLeases(&out, s)
			if got := out.String(); got != test.want {
				t.Errorf("got\n%swant\n%s", got, test.want)
			}
		})
	}
}
