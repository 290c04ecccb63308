package allocator_test

import (
	"context"
	"fmt"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
)

func ExampleStrong() {
	var counter allocatortest.Memory // or one in etcd
	strong := allocator.NewStrong(&counter, nil)
	defer strong.Stop()

	key := allocator.Key{Store: "orders", Name: "invoice"}
	for _, n := range []int{1, 1, 10} {
		ids, err := allocator.Wait(context.Background(), strong, key, n)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(ids.First, "to", ids.Last())
	}
	fmt.Println("reserved:", counter.Last(key))
	// Output:
	// 1 to 1
	// 2 to 2
	// 3 to 12
	// reserved: 12
}

func ExampleWeak() {
	var counter allocatortest.Memory
	weak := allocator.NewWeak(&counter, allocator.WeakConfig{})
	defer weak.Stop()

	key := allocator.Key{Store: "orders", Name: "invoice"}
	for range 3 {
		ids, err := allocator.Wait(context.Background(), weak, key, 1)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(ids.First)
	}
	if ids, ok := weak.Take(key, 1, 0); ok {
		fmt.Println(ids.First, "without waiting")
	}
	fmt.Println("reserved:", counter.Last(key))
	// Output:
	// 1
	// 2
	// 3
	// 4 without waiting
	// reserved: 10
}

// A Strong's ids follow those that a Weak handed out before, but skip the ids
// that the Weak holds for later.
func ExampleWait() {
	var counter allocatortest.Memory
	strong, weak := allocator.NewStrong(&counter, nil), allocator.NewWeak(&counter, allocator.WeakConfig{})
	defer strong.Stop()
	defer weak.Stop()

	key := allocator.Key{Store: "orders", Name: "invoice"}
	for _, a := range []allocator.Allocator{weak, strong, weak, strong} {
		ids, err := allocator.Wait(context.Background(), a, key, 1)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%T: %d\n", a, ids.First)
	}
	// Output:
	// *allocator.Weak: 1
	// *allocator.Strong: 11
	// *allocator.Weak: 2
	// *allocator.Strong: 12
}
