package seqd_test

import (
	"context"
	"runtime"
	"sync"
	"testing"

	seqd "github.com/seqd-io/seqd/clients/go"
)

// BenchmarkShare has 256 goroutines share requests that are answered at once: what
// is left is what the sequence costs, most of which is to wake who waits. It reports
// how many ids a request brought, for who was served together should come again
// together.
//
//	go test . -run '^$' -bench Share -cpu 1,2
func BenchmarkShare(b *testing.B) {
	const goroutines = 256
	for name, ctx := range map[string]context.Context{"endless": context.Background(), "cancelable": b.Context()} {
		b.Run(name, func(b *testing.B) {
			last, requests := int64(0), 0
			seq, err := seqd.NewSequence(func(_ context.Context, n int) (seqd.Range, error) {
				runtime.Gosched() // as others run while a request is under way
				ids := seqd.Range{First: last + 1, N: n}
				last, requests = last+int64(n), requests+1
				return ids, nil
			})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.ResetTimer()
			var wg sync.WaitGroup
			for range goroutines {
				wg.Go(func() {
					for range max(b.N/goroutines, 1) {
						if _, err := seq.Next(ctx); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(last)/float64(requests), "ids/request")
		})
	}
}
