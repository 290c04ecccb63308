package serve

import (
	"fmt"
	"io"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/worker"
)

// writeLeases writes a line for each lease, as of a check, and others of what
// became of keys and requests that are not this worker's alone. It writes nothing
// for a worker that has no lease and no neighbours.
func writeLeases(out io.Writer, s worker.Snapshot) {
	leased := false
	for _, b := range s.Backends {
		if b.Lease == 0 {
			continue
		}
		leased = true
		left := b.LeaseLeft.Round(10 * time.Millisecond)
		switch b.LeaseState() {
		case worker.LeaseLost:
			fmt.Fprintf(out, "[-]lease %s: not renewed, and over; keys that were owned: %d", b.Name, b.OwnedKeys)
		case worker.LeaseLate:
			fmt.Fprintf(out, "[-]lease %s: renewed late, %v of %v left, keys owned: %d", b.Name, left, b.Lease, b.OwnedKeys)
		case worker.LeaseIdle:
			fmt.Fprintf(out, "[+]lease %s ok, of %v, no key owned", b.Name, b.Lease)
		default:
			fmt.Fprintf(out, "[+]lease %s ok, %v of %v left, keys owned: %d", b.Name, left, b.Lease, b.OwnedKeys)
		}
		fmt.Fprintf(out, "; renewals: %d, failed %d, held %d\n", b.Renewals, b.RenewalsFailed, b.RenewalsHeld)
	}
	if leased {
		over, unleased := map[string]int64{}, int64(0)
		for _, st := range s.Stores {
			for why, n := range st.Takeovers {
				over[why] += n
			}
			unleased += st.Unleased
		}
		fmt.Fprint(out, "keys taken over:")
		for why := range allocator.Takeovers {
			fmt.Fprintf(out, " %s %d,", why, over[why.String()])
		}
		fmt.Fprintf(out, " requests refused for want of a lease: %d\n", unleased)
	}
	if sent := s.HandedOver + s.HandoversRefused + s.HandoversLost; leased || sent+s.HandoversReceived > 0 {
		fmt.Fprintf(out, "requests handed over: %d, refused %d, lost %d, in messages: %d; taken from other workers: %d\n",
			s.HandedOver, s.HandoversRefused, s.HandoversLost, s.HandoverMessages, s.HandoversReceived)
	}
}
