package etcd_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/etcdtest"
	"github.com/seqd-io/seqd/integration/servers"
)

// What is believed of a record outlives the message that asked for its key: of a
// thousand requests that were handed over in one message, one was enough to keep all
// of it in memory.
func TestBeliefsKeepKeysAlone(t *testing.T) {
	const messages, size = 100, 1 << 20
	c := etcdtest.Open(t, servers.StartEtcd(t), "")
	before := heap()
	for i := range messages {
		message := fmt.Sprintf("store.key-%02d", i) + strings.Repeat("x", size)
		etcdtest.MustAdvance(t, c, allocator.Key{Store: message[:5], Name: message[6:12]}, 1, 1)
	}
	if grown := heap() - before; grown > messages*size/2 {
		t.Errorf("%d keys take %d KB", messages, grown>>10)
	}
	runtime.KeepAlive(c)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
