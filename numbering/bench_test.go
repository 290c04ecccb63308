package numbering_test

import (
	"testing"
	"time"

	"github.com/seqd-io/seqd/numbering"
)

var benched = map[string]numbering.Config{
	"period-id":     {Period: "year", Zone: "Europe/Berlin", Format: "{period}-{id:06}"},
	"inv":           {Period: "year", Zone: "Europe/Berlin", Format: "INV-{period}-{id:06}"},
	"date":          {Period: "day", Format: "{yyyy}{mm}{dd}-{id}"},
	"luhn":          {Format: "{id:010}{check:luhn}"},
	"damm":          {Format: "{id:010}{check:damm}"},
	"base32":        {Format: "{id:base32}"},
	"scramble":      {Format: "{scramble:10}", Secret: secret},
	"scramble-year": {Period: "year", Format: "{yyyy}-{scramble:12}{check:damm}", Secret: secret},
}

func BenchmarkAppend(b *testing.B) {
	for name, c := range benched {
		b.Run(name, func(b *testing.B) {
			r := mustNew(b, c)
			p := r.Period(date2026)
			dst := make([]byte, 0, 64)
			b.ReportAllocs()
			id := int64(0)
			for b.Loop() {
				id = id%900_000 + 1
				dst = r.Append(dst[:0], invoice, p, id)
			}
		})
	}
}

func BenchmarkPeriod(b *testing.B) {
	r := mustNew(b, benched["inv"])
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		r.Period(now)
	}
}

func BenchmarkDecode(b *testing.B) {
	r := mustNew(b, benched["scramble-year"])
	number := string(r.Append(nil, invoice, r.Period(date2026), 1234))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := r.Decode(invoice, number); err != nil {
			b.Fatal(err)
		}
	}
}

// Nothing is allocated for a number or a period, as both are made for every
// request.
func TestAllocations(t *testing.T) {
	for name, c := range benched {
		r := mustNew(t, c)
		p := r.Period(date2026)
		dst := make([]byte, 0, 64)
		if n := testing.AllocsPerRun(1000, func() { dst = r.Append(dst[:0], invoice, p, 1234) }); n > 0 {
			t.Errorf("%s: %v allocations for a number", name, n)
		}
		if n := testing.AllocsPerRun(1000, func() { r.Period(date2026) }); n > 0 {
			t.Errorf("%s: %v allocations for a period", name, n)
		}
		if n := testing.AllocsPerRun(1000, func() { r.Label(p) }); n > 0 {
			t.Errorf("%s: %v allocations for a label", name, n)
		}
	}
}
