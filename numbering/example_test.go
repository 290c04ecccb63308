package numbering_test

import (
	"fmt"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/numbering"
)

// Invoices of a financial year that begins in April, by the calendar in Kolkata.
func Example() {
	rule, err := numbering.New(numbering.Config{
		Period:     "year",
		YearStarts: "04-01",
		Zone:       "Asia/Kolkata",
		Format:     "ABC/{period}/{id:04}",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	key := allocator.Key{Store: "orders", Name: "invoice"}
	for _, at := range []string{"2027-03-31T18:29:59Z", "2027-03-31T18:30:00Z"} {
		now, _ := time.Parse(time.RFC3339, at)
		fmt.Printf("%s\n", rule.Append(nil, key, rule.Period(now), 1))
	}
	period, id, err := rule.Decode(key, "ABC/2026-27/0815")
	fmt.Println(rule.Label(period), id, err)
	// Output:
	// ABC/2026-27/0001
	// ABC/2027-28/0001
	// 2026-27 815 <nil>
}
