package goclient_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"

	seqd "github.com/seqd-io/seqd/clients/go"
	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/subjects"
)

func Example() {
	url := exampleWorker()

	nc, err := nats.Connect(url, seqd.ConnectOptions()...)
	if err != nil {
		log.Fatal(err)
	}
	defer nc.Close()
	client, err := seqd.New(nc)
	if err != nil {
		log.Fatal(err)
	}

	id, err := client.Next(context.Background(), "orders", "invoice")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("invoice", id)
	// Output: invoice 1
}

func Example_nextN() {
	client := exampleClient()

	ids, err := client.NextN(context.Background(), "orders", "发票/2026", 3, seqd.WithMode(seqd.Strong))
	if err != nil {
		log.Fatal(err)
	}
	for id := range ids.All() {
		fmt.Println(id)
	}
	fmt.Println(ids)
	// Output:
	// 1
	// 2
	// 3
	// 1–3
}

func Example_sequence() {
	client := exampleClient()

	invoices, err := client.Sequence("orders", "invoice", seqd.WithMode(seqd.Strong))
	if err != nil {
		log.Fatal(err)
	}
	var wg sync.WaitGroup
	var sum atomic.Int64
	for range 100 { // they share a few requests
		wg.Go(func() {
			id, err := invoices.Next(context.Background())
			if err != nil {
				log.Fatal(err)
			}
			sum.Add(id)
		})
	}
	wg.Wait()
	fmt.Println("1 to 100 add up to", sum.Load())
	// Output: 1 to 100 add up to 5050
}

func Example_numbers() {
	client := exampleClient()

	once := seqd.WithIdempotencyKey("order-4711")
	for range 2 {
		got, err := client.Numbers(context.Background(), "invoices", "de", 2, once)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(got.Numbers, got.Period, got.Range, got.Replayed)
	}
	// Output:
	// [INV-2026-000001 INV-2026-000002] 2026 1–2 false
	// [INV-2026-000001 INV-2026-000002] 2026 1–2 true
}

func Example_errors() {
	client := exampleClient()

	_, err := client.Next(context.Background(), "no such store", "invoice")
	switch {
	case errors.Is(err, seqd.ErrNoWorkers):
		fmt.Println("no worker of the store serves now")
	case errors.Is(err, seqd.ErrBusy), errors.Is(err, seqd.ErrUnavailable):
		fmt.Println("try again later")
	case errors.Is(err, seqd.ErrTimeout):
		fmt.Println("no answer; ids may have been spent")
	default:
		fmt.Println(err)
	}
	// Output:
	// seqd: next: store "no such store" key "invoice": BAD_REQUEST: store may hold A-Z a-z 0-9 _ - only, not ' '
}

// exampleWorker starts a NATS server and a worker for one example and returns
// the server's address.
func exampleWorker() string {
	tb := new(exampleTB)
	s := startServer(tb, nil)
	var c counters
	answers := map[string]int64{} // by idempotency key
	serve(tb, s, func(r *request) {
		if r.store != "invoices" {
			c.answer(r)
			return
		}
		first, again := answers[r.IdempotencyKey]
		if !again {
			first = c.take(r.store+" "+r.key, r.N)
			answers[r.IdempotencyKey] = first
		}
		reply := &subjects.Reply{ID: first, N: r.N, Nonce: r.Nonce, Period: "2026", Replayed: again}
		for i := range r.N {
			reply.Numbers = append(reply.Numbers, fmt.Sprintf("INV-2026-%06d", first+int64(i)))
		}
		r.send(reply)
	})
	return urlOf(s)
}

func exampleClient() *seqd.Client {
	nc, err := nats.Connect(exampleWorker(), seqd.ConnectOptions()...)
	if err != nil {
		log.Fatal(err)
	}
	client, err := seqd.New(nc, seqd.WithTimeout(pace.Patience))
	if err != nil {
		log.Fatal(err)
	}
	return client
}

// exampleTB lets examples, which have no testing.TB, use the tests' helpers.
// What they start ends with the process.
type exampleTB struct{ testing.TB }

func (*exampleTB) Helper()                          {}
func (*exampleTB) Cleanup(func())                   {}
func (*exampleTB) Fatal(args ...any)                { log.Fatal(args...) }
func (*exampleTB) Errorf(format string, arg ...any) { log.Fatalf(format, arg...) }
