// Package ports gives tests addresses on loopback that stay theirs.
//
// To listen on port 0, to close and to hand the number on is a bet: until the
// server under test listens there, and whenever it is down to be started again,
// any connection that anybody opens may be given that port.
package ports

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// Ports are given below the range that kernels give to outgoing connections:
// 32768 and up on Linux, 49152 and up elsewhere. Else one of them could take
// the port of a server that is down, and a client that dials it meanwhile could
// be connected to itself.
const first, last = 10_000, 32_000

// Free returns a host:port on which nobody listens, and that no other call
// returns, in this process or another one, until the test ends.
func Free(t testing.TB) string {
	t.Helper()
	for range 1000 {
		addr := fmt.Sprintf("127.0.0.1:%d", first+rand.IntN(last-first))
		// The claim is the UDP port of that number: it leaves the TCP port free, all
		// processes see it, and the kernel gives it up with this one.
		claim, err := net.ListenPacket("udp", addr)
		if err != nil {
			continue
		}
		l, err := net.Listen("tcp", addr)
		if err != nil {
			claim.Close()
			continue
		}
		l.Close()
		t.Cleanup(func() { claim.Close() })
		return addr
	}
	t.Fatal("no free port")
	return ""
}

// Number returns the port of a host:port.
func Number(t testing.TB, addr string) int {
	t.Helper()
	a, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return a.Port
}
