package ports_test

import (
	"net"
	"testing"

	"github.com/seqd-io/seqd/integration/ports"
)

// Tests of several packages run at once, and each starts and stops servers. A
// port that two of them had at once made one of them fail, now and then.
func TestFree(t *testing.T) {
	given := map[string]bool{}
	for range 100 {
		addr := ports.Free(t)
		if given[addr] {
			t.Fatalf("%s was given twice", addr)
		}
		given[addr] = true
		// As another process finds it.
		if claim, err := net.ListenPacket("udp", addr); err == nil {
			claim.Close()
			t.Fatalf("%s is not claimed", addr)
		}
		l, err := net.Listen("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
	}
}
