package numbering_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/seqd-io/seqd/numbering"
)

var date2026 = time.Date(2026, time.November, 29, 12, 0, 0, 0, time.UTC)

// Of any configuration there is a rule, or an error that names the setting; and
// what a rule prints it can read.
func FuzzFormat(f *testing.F) {
	for _, format := range []string{"{period}-{id:06}", "{yyyy}{mm}{dd}{id}{check:luhn}", "K{scramble:10}{check:damm}", "{{{id:base32}}}", "{", "}", "{id:0", "{id:99999999999999999999}"} {
		for _, period := range []string{"", "day", "week", "month", "year"} {
			f.Add(format, period, "", "", int64(1))
		}
	}
	f.Add("", "year", "04-01", "Europe/Berlin", int64(1<<46))
	f.Fuzz(func(t *testing.T, format, period, yearStarts, zone string, id int64) {
		c := numbering.Config{Format: format, Period: period, YearStarts: yearStarts, Zone: zone}
		if strings.Contains(format, "{scramble") {
			c.Secret = secret
		}
		r, err := numbering.New(c)
		if err != nil {
			var bad *numbering.PartError
			if !errors.As(err, &bad) || bad.Setting == "" || bad.Text == "" {
				t.Fatalf("%+v: got %v", c, err)
			}
			return
		}
		_, _ = r.Fingerprint(), r.String()
		if id = max(id, 1); id > r.Limit() {
			id = r.Limit()
		}
		p := r.Period(date2026)
		number := string(r.Append(nil, invoice, p, id))
		if gotPeriod, gotID, err := r.Decode(invoice, number); err != nil || gotPeriod != p || gotID != id {
			t.Fatalf("%v: decode %q: got %d, %d, %v, want %d, %d", r, number, gotPeriod, gotID, err, p, id)
		}
		_ = r.Append(nil, invoice, 0, -id) // nothing that is issued; it must not panic
	})
}

// What Decode takes is what Append prints, but for the letters of base 32.
func FuzzDecode(f *testing.F) {
	var rules []*numbering.Rule
	for _, c := range []numbering.Config{
		{Period: "month"}, {Period: "week", Format: "{ww}{id}/{yyyy}"}, {Period: "day", Format: "{yy}{mm}{dd}{id:03}{check:luhn}"},
		{Format: "{scramble:6}", Secret: secret}, {Format: "X{id:base32}"}, {Period: "year", YearStarts: "04-01", Format: "{period}/{id}{check:damm}"},
	} {
		r := mustNew(f, c)
		rules = append(rules, r)
		f.Add(string(r.Append(nil, invoice, r.Period(date2026), 1234)))
		f.Add(string(r.Append(nil, invoice, r.Period(date2026), r.Limit())))
	}
	f.Fuzz(func(t *testing.T, number string) {
		for _, r := range rules {
			p, id, err := r.Decode(invoice, number)
			if err != nil {
				continue
			}
			again := string(r.Append(nil, invoice, p, id))
			if again != number && !(number[0] == 'X' && len(again) == len(number)) {
				t.Fatalf("%v: %q was taken for %d of period %d, which is %q", r, number, id, p, again)
			}
		}
	})
}
