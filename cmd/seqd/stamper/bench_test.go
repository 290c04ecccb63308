package stamper_test

import (
	"fmt"
	"testing"

	"github.com/seqd-io/seqd/cmd/seqd/stamper"
)

// BenchmarkStamp stamps messages that wait in the source. Every part is in this
// process; JetStream does not sync each write, as by default.
func BenchmarkStamp(b *testing.B) {
	for _, c := range []struct{ batch, keys, batches int }{{1, 1, 500}, {stamper.DefaultBatch, 1, 60}, {stamper.DefaultBatch, 16, 60}, {stamper.MaxBatch, 16, 15}} {
		b.Run(fmt.Sprintf("batch=%d/keys=%d", c.batch, c.keys), func(b *testing.B) {
			r := newRig(b, nil)
			config := config()
			config.Batch = c.batch
			messages := c.batch * c.batches
			for i := range b.N {
				b.StopTimer()
				for range c.batches { // in pieces: the client bounds what is under way
					r.publish(b, c.batch, c.keys)
				}
				b.StartTimer()
				s := r.start(b, config)
				r.awaitOutput(b, messages*(i+1))
				b.StopTimer()
				s.stop(b)
				b.StartTimer()
			}
			b.ReportMetric(float64(messages*b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}
