package numbering_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/numbering"
)

func mustNew(t testing.TB, c numbering.Config) *numbering.Rule {
	t.Helper()
	r, err := numbering.New(c)
	if err != nil {
		t.Fatalf("%+v: %v", c, err)
	}
	return r
}

// dayOf is the first day of a period as a date's fields tell, day by day.
func dayOf(t time.Time, period, yearStarts string) allocator.Period {
	y, m, d := t.Date()
	date := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	begins := func() bool {
		switch period {
		case "week":
			return date.Weekday() == time.Monday
		case "month":
			return date.Day() == 1
		case "year":
			return date.Format("01-02") == yearStarts
		}
		return true
	}
	for !begins() {
		date = date.AddDate(0, 0, -1)
	}
	return allocator.Period(date.Unix() / (24 * 60 * 60))
}

// Second by second, or nearly so, a period is the one of the greatest date that the
// zone's calendar has shown: it never goes back, also where the calendar does.
func TestPeriodIsThatOfTheDate(t *testing.T) {
	for _, test := range []struct {
		zone string
		from string
		what string
	}{
		{"UTC", "2027-12-01", "29 February 2028"},
		{"Europe/Berlin", "2026-01-01", "a week 53, and DST"},
		{"Asia/Kolkata", "2026-03-01", "half an hour"},
		{"Pacific/Apia", "2011-06-01", "30 December 2011 was skipped"},
		{"America/Sao_Paulo", "2018-01-01", "a midnight that there is not, and one twice"},
		{"Asia/Beirut", "2022-12-01", "a midnight that there is not"},
		{"America/St_Johns", "2006-01-01", "clocks went back from 00:01, to the day before"},
		{"Pacific/Kwajalein", "1993-01-01", "21 August 1993 was skipped"},
		{"Australia/Lord_Howe", "2026-01-01", "DST of half an hour"},
		{"America/Nuuk", "2023-01-01", "DST that ends on the day before"},
		{"Africa/Monrovia", "1971-06-01", "44 minutes and 30 seconds"},
		{"Asia/Pyongyang", "2015-01-01", "half an hour, at midnight"},
		{"America/New_York", "2040-01-01", "a leap year that no table has"},
		{"Australia/Sydney", "2048-01-01", "a leap year that no table has, in the south"},
	} {
		zone, err := time.LoadLocation(test.zone)
		if err != nil {
			t.Fatal(err)
		}
		if testing.Short() && test.zone != "America/St_Johns" && test.zone != "Pacific/Apia" {
			continue
		}
		from, _ := time.ParseInLocation(time.DateOnly, test.from, zone)
		wentBack := false
		for _, c := range []struct{ period, starts string }{{"day", ""}, {"week", ""}, {"month", ""}, {"year", "01-01"}, {"year", "04-01"}} {
			config := numbering.Config{Period: c.period, Zone: test.zone}
			if c.period == "year" {
				config.YearStarts = c.starts
			}
			r := mustNew(t, config)
			want := dayOf(from.Add(-time.Second), c.period, c.starts)
			type look struct {
				at   time.Time
				want allocator.Period
			}
			var looks []look
			lastDate := ""
			for quarter := range 4 * 24 * 400 {
				for _, off := range []int{-1, 0, 1, 60} {
					at := from.Add(time.Duration(quarter)*15*time.Minute + time.Duration(off)*time.Second)
					if local := at.In(zone); local.Hour() < 2 || local.Hour() > 21 || quarter%16 == 0 {
						if date := local.Format(time.DateOnly); date != lastDate {
							wentBack = wentBack || date < lastDate
							lastDate, want = date, max(want, dayOf(local, c.period, c.starts))
						}
						if got := r.Period(at); got != want {
							t.Fatalf("%s (%s) by %s: %v: got period %d, want %d", test.zone, test.what, c.period, local, got, want)
						}
						looks = append(looks, look{at, want})
					}
				}
			}
			// In any order, as clocks that are set back ask.
			again := mustNew(t, config)
			for range 2000 {
				if l := looks[rand.IntN(len(looks))]; again.Period(l.at) != l.want {
					t.Fatalf("%s by %s: %v: got period %d, want %d", test.zone, c.period, l.at, again.Period(l.at), l.want)
				}
			}
		}
		if test.zone == "America/St_Johns" && !wentBack {
			t.Errorf("%s: the calendar did not go back, as it should to show something", test.zone)
		}
	}
}

// The days on which people look.
func TestPeriods(t *testing.T) {
	berlin := numbering.Config{Zone: "Europe/Berlin"}
	for _, test := range []struct {
		period, starts, at, want string
	}{
		{"year", "", "2026-12-31T22:59:59Z", "2026"},
		{"year", "", "2026-12-31T23:00:00Z", "2027"},
		{"year", "04-01", "2027-03-31T21:59:59Z", "2026-27"},
		{"year", "04-01", "2027-03-31T22:00:00Z", "2027-28"},
		{"year", "04-01", "2099-12-31T00:00:00Z", "2099-00"},
		{"year", "01-01", "2026-12-31T22:59:59Z", "2026"},
		{"month", "", "2028-02-29T22:59:59Z", "2028-02"},
		{"month", "", "2028-02-29T23:00:00Z", "2028-03"},
		{"day", "", "2028-02-29T12:00:00Z", "2028-02-29"},
		{"day", "", "2100-02-28T23:00:00Z", "2100-03-01"},
		{"day", "", "2026-03-29T21:59:59Z", "2026-03-29"}, // of 23 hours
		{"day", "", "2026-03-29T22:00:00Z", "2026-03-30"},
		{"day", "", "2026-10-25T22:59:59Z", "2026-10-25"}, // of 25 hours
		{"day", "", "2026-10-25T23:00:00Z", "2026-10-26"},
		{"week", "", "2026-12-27T23:00:00Z", "2026-W53"},
		{"week", "", "2027-01-03T22:59:59Z", "2026-W53"},
		{"week", "", "2027-01-03T23:00:00Z", "2027-W01"},
		{"week", "", "2024-12-29T23:00:00Z", "2025-W01"},
		{"week", "", "2020-12-31T12:00:00Z", "2020-W53"},
	} {
		c := berlin
		c.Period, c.YearStarts = test.period, test.starts
		at, err := time.Parse(time.RFC3339, test.at)
		if err != nil {
			t.Fatal(err)
		}
		r := mustNew(t, c)
		if got := r.Label(r.Period(at)); got != test.want {
			t.Errorf("%s %s: %s: got %s, want %s", test.period, test.starts, test.at, got, test.want)
		}
	}
}

// Clocks that are wrong by centuries wrap nothing around.
func TestPeriodsEnd(t *testing.T) {
	for _, test := range []struct{ period, starts, format, first, last string }{
		{"day", "", "", "1970-01-02", "2149-06-06"},
		{"week", "", "", "1970-W01", "2149-W23"},
		{"month", "", "", "1970-01", "2149-06"},
		{"year", "", "", "1970", "2149"},
		{"year", "04-01", "", "1969-70", "2149-50"},
		{"year", "12-31", "", "1969-70", "2148-49"},
		{"day", "", "{yy}{mm}{dd}-{id}", "2000-01-01", "2099-12-31"},
		{"week", "", "{yy}{ww}-{id}", "2000-W01", "2099-W53"},
		{"month", "", "{yy}{mm}-{id}", "2000-01", "2099-12"},
		{"year", "", "{yy}-{id}", "2000", "2099"},
		{"year", "04-01", "{yy}-{id}", "2000-01", "2099-00"},
		{"day", "", "{yy}{mm}{dd}-{yyyy}-{id}", "1970-01-02", "2149-06-06"},
	} {
		for _, zone := range []string{"", "Pacific/Kiritimati", "America/New_York"} {
			r := mustNew(t, numbering.Config{Period: test.period, YearStarts: test.starts, Format: test.format, Zone: zone})
			at := func(year int) string {
				return r.Label(r.Period(time.Date(year, time.July, 1, 0, 0, 0, 0, time.UTC)))
			}
			for _, year := range []int{-5000, 1, 1582, 1800, 1900, 1969} {
				if got := at(year); got != test.first {
					t.Errorf("%+v: in %d: got %s", test, year, got)
				}
			}
			for _, year := range []int{2150, 2200, 9999, 200_000} {
				if got := at(year); got != test.last {
					t.Errorf("%+v: in %d: got %s", test, year, got)
				}
			}
			last := allocator.Period(0)
			for day := -1000; day < math.MaxUint16+2000; day++ {
				p := r.Period(time.Unix(int64(day)*24*60*60, 0))
				if p < last || p == 0 {
					t.Fatalf("%+v: day %d: got %d after %d", test, day, p, last)
				}
				last = p
			}
		}
	}
}

// A label says which period it is, and is the only one that does.
func TestLabels(t *testing.T) {
	for _, c := range []numbering.Config{{Period: "day"}, {Period: "week"}, {Period: "month"}, {Period: "year"}, {Period: "year", YearStarts: "04-01"}, {Period: "year", Format: "{yy}{id}"}} {
		r := mustNew(t, c)
		seen := map[string]allocator.Period{}
		for day := range math.MaxUint16 + 1 {
			at := time.Unix(int64(day)*24*60*60, 0).UTC()
			p := r.Period(at)
			label := r.Label(p)
			if other, ok := seen[label]; ok && other != p {
				t.Fatalf("%+v: %d and %d are both called %s", c, p, other, label)
			}
			seen[label] = p
			if got, err := r.ParsePeriod(label); got != p || err != nil {
				t.Fatalf("%+v: parse %s: got %d, %v, want %d", c, label, got, err, p)
			}
			if y, w := at.ISOWeek(); c.Period == "week" && day > 0 && label != fmt.Sprintf("%d-W%02d", y, w) {
				t.Fatalf("%v: got %s", at, label)
			}
		}
		for _, label := range []string{"", "0", "2026-", "2026-11-29 ", "2026-13", "2026-00", "2026-02-30", "2027-W53", "2026-W00", "2026-w48", "2026-28", "1969", "2150", "9999-12-31", "-026", "+026", "２０２６"} {
			if got, err := r.ParsePeriod(label); err == nil {
				t.Errorf("%+v: parse %q: got %d", c, label, got)
			}
		}
	}
	r := mustNew(t, numbering.Config{Format: "{id}"})
	if _, err := r.ParsePeriod("2026"); err == nil || r.Label(5) != "" || r.Period(time.Now()) != 0 || r.Periodic() {
		t.Error("a rule without periods has some")
	}
}
