package worker_test

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/sys/unix"

	"github.com/seqd-io/seqd/worker"
)

// BenchmarkTeam has callers ask for strong ids of many keys, beside as many
// members of a queue group that answer a constant. All are in one process.
func BenchmarkTeam(b *testing.B) {
	free := func(c *worker.Config) { c.Backends[0].Lease, c.Backends[0].Stores = 0, []worker.Store{{Name: "a"}} }
	threeSeconds := func(c *worker.Config) { c.Backends[0].Lease = 3 * time.Second }
	for _, size := range []int{1, 4, 8} {
		for _, load := range []struct{ callers, keys int }{{1, 1}, {256, 1}, {256, 256}} {
			name := fmt.Sprintf("workers=%d/callers=%d/keys=%d", size, load.callers, load.keys)
			b.Run("echo/"+name, func(b *testing.B) {
				tm := newTeam(b, 0, true, nil)
				for range size {
					nc := tm.server.Connect(b)
					answer := make([]byte, 20)
					if _, err := nc.QueueSubscribe("seq.a.>", "seqd", func(m *nats.Msg) { _ = nc.Publish(m.Reply, answer) }); err != nil {
						b.Fatal(err)
					}
					if err := nc.Flush(); err != nil {
						b.Fatal(err)
					}
				}
				ask(b, tm, load.callers, load.keys)
			})
			for mode, change := range map[string]func(*worker.Config){"leased": threeSeconds, "free": free} {
				b.Run(mode+"/"+name, func(b *testing.B) {
					tm := newTeam(b, size, true, change)
					for _, key := range keys(load.keys) {
						tm.ask(b, key)
					}
					ask(b, tm, load.callers, load.keys)
				})
			}
		}
	}
}

// ask has callers ask for ids, and reports how long that took.
func ask(b *testing.B, tm *team, callers, keyCount int) {
	all := keys(keyCount)
	var left atomic.Int64
	var group sync.WaitGroup
	var mu sync.Mutex
	var took []time.Duration
	run := func(n int) {
		left.Store(int64(n))
		for i := range callers {
			group.Go(func() {
				nc, subject := tm.nc, "seq.a."+all[i%len(all)].Name
				var mine []time.Duration
				for left.Add(-1) >= 0 {
					begun := time.Now()
					if _, err := nc.Request(subject, []byte("\x81\xa4mode\xa6strong"), 10*time.Second); err != nil {
						b.Error(err)
						return
					}
					mine = append(mine, time.Since(begun))
				}
				mu.Lock()
				took = append(took, mine...)
				mu.Unlock()
			})
		}
		group.Wait()
	}
	run(5000) // warm up
	took = nil
	before := cpu(b)
	b.ResetTimer()
	run(b.N)
	b.StopTimer()
	b.ReportMetric(float64((cpu(b)-before).Nanoseconds())/1000/float64(b.N), "cpu-µs/op") // on a busy machine too
	over, messages := int64(0), int64(0)
	for _, m := range tm.crew {
		s := m.Snapshot()
		over, messages = over+s.HandedOver, messages+s.HandoverMessages
	}
	if messages > 0 {
		b.ReportMetric(float64(over)/float64(messages), "requests/message")
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1000, "p50-µs")
	b.ReportMetric(float64(len(took))/b.Elapsed().Seconds(), "ids/s")
}

// cpu returns how long this process has had processors for, servers and callers
// included.
func cpu(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
