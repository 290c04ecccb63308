package numbering_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/numbering"
)

// pieces are what formats are made of here: the digits and the dash as text are
// what numbers of other parts could be taken for.
var pieces = []string{
	"{id}", "{id:01}", "{id:02}", "{id:base32}", "{scramble:6}", "{period}", "{yyyy}", "{yy}", "{mm}", "{dd}", "{ww}",
	"{check:luhn}", "{check:damm}", "1", "0", "20", "-", "2026", "W", "Z", "{{", "}}", "é",
}

// No two (period, id) are printed alike, and each is read again, for all formats of
// up to four parts that are not refused; of them a random share.
func TestNoTwoAlike(t *testing.T) {
	tried, formats, least := 0, 40_000, 2000
	if testing.Short() {
		formats, least = 4000, 200
	}
	for range formats {
		var format strings.Builder
		for range 1 + rand.IntN(5) {
			format.WriteString(pieces[rand.IntN(len(pieces))])
		}
		for _, c := range []numbering.Config{{}, {Period: "day"}, {Period: "week"}, {Period: "month"}, {Period: "year"}, {Period: "year", YearStarts: "04-01"}} {
			if c.Format = format.String(); strings.Contains(c.Format, "scramble") {
				c.Secret = secret
			}
			r, err := numbering.New(c)
			if err != nil {
				continue
			}
			tried++
			checkNoTwoAlike(t, r)
		}
	}
	if tried < least {
		t.Errorf("only %d formats made sense", tried)
	}
	t.Logf("%d formats", tried)
}

// checkNoTwoAlike prints numbers that are likely to be alike: of neighbours, of ids
// that begin or end with others, of the same days in several years.
func checkNoTwoAlike(t *testing.T, r *numbering.Rule) {
	t.Helper()
	periods := []allocator.Period{0}
	if r.Periodic() {
		periods = nil
		for _, label := range []string{
			"2000-01-03", "2012-01-02", "2020-12-31", "2021-01-01", "2021-01-12", "2021-11-02", "2026-01-01", "2026-11-01", "2099-12-31",
			"2020-W01", "2020-W53", "2021-W01", "2026-W12", "2020-01", "2020-12", "2021-01", "2020", "2021", "2002", "2022", "2020-21", "2021-22",
		} {
			if p, err := r.ParsePeriod(label); err == nil {
				periods = append(periods, p)
			}
		}
	}
	type origin struct {
		period allocator.Period
		id     int64
	}
	seen := map[string]origin{}
	for _, p := range periods {
		for _, id := range []int64{1, 2, 9, 10, 11, 12, 20, 21, 22, 31, 32, 33, 99, 100, 101, 110, 120, 121, 201, 202, 1000, 1024, 1202, 2012, 2021, 12021, 32768, r.Limit() - 1, r.Limit()} {
			if id > r.Limit() {
				continue
			}
			number := string(r.Append(nil, invoice, p, id))
			if other, ok := seen[number]; ok && other != (origin{p, id}) {
				t.Fatalf("%v: %d of period %d and %d of %d are both %s", r, id, p, other.id, other.period, number)
			}
			seen[number] = origin{p, id}
			if gotPeriod, gotID, err := r.Decode(invoice, number); err != nil || gotPeriod != p || gotID != id {
				t.Fatalf("%v: decode %s: got %d, %d, %v, want %d, %d", r, number, gotPeriod, gotID, err, p, id)
			}
		}
	}
}

// Whoever types a digit wrongly is told, if it is one that the check digit checks.
func TestWrongDigits(t *testing.T) {
	for _, c := range []numbering.Config{
		{Period: "month", Format: "R7-{period}-{id:06}{check:luhn}"},
		{Period: "month", Format: "R7-{period}-{id:06}{check:damm}"},
		{Period: "year", Format: "{yy}{id}{check:damm}"},
		{Format: "{scramble:9}{check:luhn}", Secret: secret},
		{Period: "day", Format: "{id:04}{yyyy}{mm}{check:damm}{dd}"}, // the day is not checked
	} {
		r := mustNew(t, c)
		p := r.Period(date2026)
		checked := 0
		for id := int64(1); id < 2000; id += 37 {
			number := r.Append(nil, invoice, p, id)
			for i, was := range number {
				if was < '0' || was > '9' || c.Period == "day" && i > 10 {
					continue
				}
				for digit := byte('0'); digit <= '9'; digit++ {
					if number[i] = digit; digit == was {
						continue
					}
					checked++
					if gotPeriod, gotID, err := r.Decode(invoice, string(number)); err == nil {
						t.Fatalf("%v: %s, which is not of %d, was taken for %d of %d", r, number, id, gotID, gotPeriod)
					}
				}
				number[i] = was
			}
		}
		if checked == 0 {
			t.Errorf("%v: nothing was checked", r)
		}
	}
}

// What is no number of a rule is refused, and the error says why.
func TestDecodeRefuses(t *testing.T) {
	month := numbering.Config{Period: "month", Format: "R-{period}-{id:03}{check:damm}"}
	for _, test := range []struct {
		config numbering.Config
		number string
		want   string
	}{
		{month, "R-2026-11-0013", "wrong check digit"},
		{month, "", `not a number of this rule: it is too short`},
		{month, "R-2026-11-001", "it is too short"},
		{month, "R-2026-11-00125", `"5" is left over at its end`},
		{month, "r-2026-11-0015", `"r-" stands where there must be "R-"`},
		{month, "R-2026-11-0a15", `"0a1" stands where there must be {id:03}`},
		{month, "R-2026-11-001x", `"x" stands where there must be {check:damm}`},
		{month, "R-2026-13-0011", `period "2026-13": a period of month is written like 2026-11, and is between 1970-01 and 2149-06`},
		{month, "R-2026-11-0004", "its id would be 0"},
		{numbering.Config{Format: "{id}"}, "007", "it would be printed 7"},
		{numbering.Config{Format: "{id}"}, "9223372036854775808", "stands where there must be {id}"},
		{numbering.Config{Format: "{id}"}, "+1", "stands where there must be {id}"},
		{numbering.Config{Format: "{id:base32}"}, "0Z", "it would be printed Z"},
		{numbering.Config{Period: "year", Format: "{yyyy}/{yy}-{id}"}, "2026/27-1", "it would be printed 2026/26-1"},
		{numbering.Config{Period: "year", Format: "{yyyy}-{id}"}, "1969-1", `period "1969"`},
		{numbering.Config{Period: "year"}, "2026-140737488355328", "its id would be 140737488355328, and the greatest is 140737488355327"},
		{numbering.Config{Period: "day", Format: "{yyyy}{mm}{dd}{id}"}, "202602301", `period "2026-02-30"`},
		{numbering.Config{Period: "week", Format: "{yyyy}{ww}{id}"}, "2027531", `period "2027-W53"`},
	} {
		r := mustNew(t, test.config)
		p, id, err := r.Decode(invoice, test.number)
		if err == nil || !strings.Contains(err.Error(), test.want) || errors.Is(err, numbering.ErrForm) == errors.Is(err, numbering.ErrCheckDigit) {
			t.Errorf("%v: %q: got %d, %d, %v, want %q", r, test.number, p, id, err, test.want)
		}
	}
	r := mustNew(t, numbering.Config{Format: "B{id:base32}"})
	if _, id, err := r.Decode(invoice, "BloZ"); err != nil || id != 1<<10|31 {
		t.Errorf("got %d, %v", id, err)
	}
}
