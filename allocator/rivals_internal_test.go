package allocator

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// A key that was handed over in a large message kept all of the message in memory.
func TestRivalsKeepKeysAlone(t *testing.T) {
	const messages, size = 100, 1 << 20
	r := newRivals()
	before := heap()
	for i := range messages {
		message := fmt.Sprintf("store.key-%d", i) + strings.Repeat("x", size)
		key := Key{Store: message[:5], Name: message[6:12]}
		r.remember(key, "winner")
		if r.of(key) != "winner" {
			t.Errorf("%v is not remembered", key)
		}
	}
	if grown := heap() - before; grown > messages*size/10 {
		t.Errorf("%d keys take %d KB", messages, grown>>10)
	}
	runtime.KeepAlive(r)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
