package numbering_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/numbering"
)

var secret = []byte("0123456789abcdef")

// What makes no sense is refused, with the setting and the part.
func TestRefused(t *testing.T) {
	for _, test := range []struct {
		config numbering.Config
		want   string
	}{
		{numbering.Config{}, "number.period: there is neither a period nor a format"},
		{numbering.Config{Zone: "Europe/Berlin"}, "number.period: there is neither a period nor a format"},
		{numbering.Config{Period: "none"}, "number.format: is missing"},
		{numbering.Config{Period: "Year"}, `number.period: must be none, day, week, month or year, not "Year"`},
		{numbering.Config{Period: "quarter"}, `number.period: must be none, day, week, month or year, not "quarter"`},
		{numbering.Config{Period: "year", Zone: "Berlin"}, `number.zone: must be an IANA name, like Europe/Berlin, not "Berlin"`},
		{numbering.Config{Period: "year", Zone: "Local"}, `number.zone: must be an IANA name`},
		{numbering.Config{Period: "year", Zone: "../etc/passwd"}, `number.zone: must be an IANA name`},
		{numbering.Config{Format: "{id}", Zone: "Europe/Berlin"}, "number.zone: there are no periods"},
		{numbering.Config{Period: "year", YearStarts: "02-29"}, "number.year_starts: must be a day that every year has, not 02-29"},
		{numbering.Config{Period: "year", YearStarts: "04-31"}, `number.year_starts: must be a month and a day, like 04-01, not "04-31"`},
		{numbering.Config{Period: "year", YearStarts: "4-1"}, `number.year_starts: must be a month and a day`},
		{numbering.Config{Period: "year", YearStarts: "01.04."}, `number.year_starts: must be a month and a day`},
		{numbering.Config{Period: "month", YearStarts: "04-01"}, "number.year_starts: is for a period of year, not of month"},
		{numbering.Config{Format: "{id}", YearStarts: "04-01"}, "number.year_starts: is for a period of year, not of none"},

		{numbering.Config{Format: "INV"}, "number.format: holds no id"},
		{numbering.Config{Format: "{id}{id:06}"}, "number.format: part {id:06}: the id stands there twice"},
		{numbering.Config{Format: "{id}{scramble:10}", Secret: secret}, "number.format: part {scramble:10}: the id stands there twice"},
		{numbering.Config{Format: "{ID}"}, "number.format: part {ID}: there is no such part: there are {id} "},
		{numbering.Config{Format: "{id:6}"}, "number.format: part {id:6}: write {id:06}"},
		{numbering.Config{Format: "{id:00}"}, "number.format: part {id:00}: must have 1 to 15 digits"},
		{numbering.Config{Format: "{id:016}"}, "number.format: part {id:016}: must have 1 to 15 digits"},
		{numbering.Config{Format: "{id:006}"}, "number.format: part {id:006}: there is no such part"},
		{numbering.Config{Format: "{id:}"}, "number.format: part {id:}: there is no such part"},
		{numbering.Config{Format: "{id:base64}"}, "number.format: part {id:base64}: there is no such part"},
		{numbering.Config{Format: "{scramble}", Secret: secret}, "number.format: part {scramble}: there is no such part"},
		{numbering.Config{Format: "{scramble:5}", Secret: secret}, "number.format: part {scramble:5}: must have 6 to 15 digits"},
		{numbering.Config{Format: "{scramble:16}", Secret: secret}, "number.format: part {scramble:16}: must have 6 to 15 digits"},
		{numbering.Config{Format: "{scramble:010}", Secret: secret}, "number.format: part {scramble:010}: there is no such part"},
		{numbering.Config{Format: "{}"}, "number.format: part {}: there is no such part"},
		{numbering.Config{Format: "{id"}, "number.format: has a { that begins no part: write {{"},
		{numbering.Config{Format: "{a{id}"}, "number.format: has a { that begins no part: write {{"},
		{numbering.Config{Format: "{id}}"}, "number.format: has a } that ends no part: write }}"},
		{numbering.Config{Format: "{id}\n"}, "number.format: begins or ends with a blank"},
		{numbering.Config{Format: " {id}"}, "number.format: begins or ends with a blank"},
		{numbering.Config{Format: "a\tb{id}"}, `number.format: holds '\t', which can't be printed`},
		{numbering.Config{Format: "a\u202eb{id}"}, `number.format: holds '\u202e', which can't be printed`},
		{numbering.Config{Format: "\xff{id}"}, "number.format: is not text in UTF-8"},
		{numbering.Config{Format: strings.Repeat("x", 125) + "{id}"}, "number.format: must have at most 128 bytes, not 129"},

		{numbering.Config{Format: "{yyyy}{id}"}, "number.format: part {yyyy}: there are no periods"},
		{numbering.Config{Format: "{period}{id}"}, "number.format: part {period}: there are no periods"},
		{numbering.Config{Period: "year", Format: "{yyyy}{mm}-{id}"}, "number.format: part {mm}: a period of year has no month"},
		{numbering.Config{Period: "week", Format: "{yyyy}{mm}-{id}"}, "number.format: part {mm}: a period of week has no month"},
		{numbering.Config{Period: "month", Format: "{yyyy}{mm}{dd}{id}"}, "number.format: part {dd}: a period of month has no day"},
		{numbering.Config{Period: "day", Format: "{period}{ww}{id}"}, "number.format: part {ww}: a period of day has no week"},
		{numbering.Config{Period: "year", Format: "INV-{id}"}, "number.format: does not tell the year, so that numbers of two of them would be alike: put {period} into it, or {yyyy}"},
		{numbering.Config{Period: "month", Format: "{yyyy}-{id}"}, "number.format: does not tell the month, so that numbers of two of them would be alike: put {period} into it, or {yyyy} and {mm}"},
		{numbering.Config{Period: "month", Format: "{mm}-{id}"}, "number.format: does not tell the month"},
		{numbering.Config{Period: "week", Format: "{yyyy}-{id}"}, "number.format: does not tell the week"},
		{numbering.Config{Period: "day", Format: "{yyyy}{mm}-{id}"}, "number.format: does not tell the day"},
		{numbering.Config{Period: "day", Format: "{yyyy}{dd}-{id}"}, "number.format: does not tell the day"},

		{numbering.Config{Format: "{check:luhn}{id}"}, "number.format: part {check:luhn}: checks what stands before it, and the id does not"},
		{numbering.Config{Format: "{id:base32}{check:damm}"}, "number.format: part {check:damm}: checks decimal digits, and the id's are none"},
		{numbering.Config{Format: "{id}{check:damm}{check:luhn}"}, "number.format: part {check:luhn}: there is a check digit before it"},
		{numbering.Config{Format: "{id}{check}"}, "number.format: part {check}: there is no such part"},
		{numbering.Config{Format: "{id}{check:crc}"}, "number.format: part {check:crc}: there is no such part"},

		{numbering.Config{Format: "{scramble:10}"}, "number.scramble_secret_file: is missing: {scramble:10} is keyed with a secret"},
		{numbering.Config{Format: "{scramble:10}", Secret: secret[:15]}, "number.scramble_secret_file: the secret must have at least 16 bytes, not 15"},
		{numbering.Config{Format: "{id}", Secret: secret}, "number.scramble_secret_file: is set, but the format scrambles nothing"},
	} {
		_, err := numbering.New(test.config)
		var bad *numbering.PartError
		if !errors.As(err, &bad) || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%+v: got %v, want %q", test.config, err, test.want)
		}
	}
}

// date returns the period of a rule by its name.
func date(t testing.TB, r *numbering.Rule, label string) allocator.Period {
	t.Helper()
	if label == "" {
		return 0
	}
	p, err := r.ParsePeriod(label)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var invoice = allocator.Key{Store: "orders", Name: "invoice"}

// How numbers look, and that they are read again.
func TestNumbers(t *testing.T) {
	for _, test := range []struct {
		config numbering.Config
		period string
		id     int64
		want   string
		limit  int64
	}{
		{numbering.Config{Period: "year", Format: "INV-{period}-{id:06}"}, "2026", 42, "INV-2026-000042", 999_999},
		{numbering.Config{Period: "year", YearStarts: "04-01", Format: "ABC/{period}/{id:04}"}, "2026-27", 7, "ABC/2026-27/0007", 9999},
		{numbering.Config{Period: "year", YearStarts: "04-01", Format: "{yy}/{id:04}"}, "2026-27", 7, "26/0007", 9999},
		{numbering.Config{Period: "year"}, "2026", 1, "2026-1", allocator.MaxPeriodID},
		{numbering.Config{Period: "month"}, "2026-11", 1, "2026-11-1", allocator.MaxPeriodID},
		{numbering.Config{Period: "day", Format: "{yy}{mm}{dd}{id:03}"}, "2028-02-29", 5, "280229005", 999},
		{numbering.Config{Period: "day", Format: "{dd}.{mm}.{yyyy}/{id}"}, "2026-11-09", 5, "09.11.2026/5", allocator.MaxPeriodID},
		{numbering.Config{Period: "week", Format: "{yyyy}W{ww}-{id:02}"}, "2026-W53", 5, "2026W53-05", 99},
		{numbering.Config{Period: "month", Format: "{period}-{id:base32}"}, "2026-11", 1234, "2026-11-16J", allocator.MaxPeriodID},
		{numbering.Config{Period: "month", Format: "{id:06}{check:damm}/{mm}/{yyyy}"}, "2026-11", 572, "0005724/11/2026", 999_999},
		{numbering.Config{Format: "{id:015}"}, "", 1, "000000000000001", 999_999_999_999_999},
		{numbering.Config{Period: "year", Format: "{yyyy}{id:015}"}, "2026", 1, "2026000000000000001", allocator.MaxPeriodID},
		{numbering.Config{Format: "{id:base32}"}, "", math.MaxInt64, "7ZZZZZZZZZZZZ", math.MaxInt64},
		{numbering.Config{Format: "№ {id}"}, "", math.MaxInt64, "№ 9223372036854775807", math.MaxInt64},
		{numbering.Config{Format: "{{{id}}}"}, "", 3, "{3}", math.MaxInt64},
		{numbering.Config{Format: "{{id}}{id:01}"}, "", 3, "{id}3", 9},
		{numbering.Config{Format: "7992739871-{id:01}{check:luhn}"}, "", 3, "7992739871-38", 9},
		{numbering.Config{Period: "none", Format: "{id}{check:damm}"}, "", 572, "5724", math.MaxInt64},
		{numbering.Config{Format: "K{scramble:10}{check:luhn}", Secret: secret}, "", 1, "K41797699380", 9_999_999_999},
		{numbering.Config{Period: "year", Format: "{yyyy}-{scramble:6}", Secret: secret}, "2026", 1, "2026-792227", 999_999},
	} {
		r := mustNew(t, test.config)
		p := date(t, r, test.period)
		got := string(r.Append([]byte("x"), invoice, p, test.id))
		if got != "x"+test.want || r.Limit() != test.limit {
			t.Errorf("%+v: got %q and a limit of %d, want %q and %d", test.config, got[1:], r.Limit(), test.want, test.limit)
			continue
		}
		if bounded := test.limit != math.MaxInt64 && test.limit != allocator.MaxPeriodID; r.Bounded() != bounded {
			t.Errorf("%+v: bounded is %v", test.config, r.Bounded())
		}
		gotPeriod, gotID, err := r.Decode(invoice, test.want)
		if err != nil || gotPeriod != p || gotID != test.id {
			t.Errorf("%+v: decode %q: got %d, %d, %v", test.config, test.want, gotPeriod, gotID, err)
		}
	}
}

// An id that has no room is printed with all of its digits.
func TestNothingIsCut(t *testing.T) {
	for format, want := range map[string]string{"{id:03}": "1000", "{scramble:6}": "1000000"} {
		c := numbering.Config{Format: format}
		if strings.Contains(format, "scramble") {
			c.Secret = secret
		}
		r := mustNew(t, c)
		if got := string(r.Append(nil, invoice, 0, r.Limit()+1)); got != want {
			t.Errorf("%s: got %s, want %s", format, got, want)
		}
		if p, id, err := r.Decode(invoice, want); !errors.Is(err, numbering.ErrForm) {
			t.Errorf("%s: decode %s: got %d, %d, %v", format, want, p, id, err)
		}
	}
}

// The same ids of other keys, periods and secrets are scrambled otherwise.
func TestScrambledByKeyAndPeriod(t *testing.T) {
	c := numbering.Config{Period: "year", Format: "{yyyy}{scramble:12}", Secret: secret}
	r := mustNew(t, c)
	c.Secret = []byte("another secret of some length")
	other := mustNew(t, c)
	p := date(t, r, "2026")
	long := strings.Repeat("k", 200)
	numbers := map[string]string{}
	for name, n := range map[string][]byte{
		"key":           r.Append(nil, invoice, p, 1),
		"other key":     r.Append(nil, allocator.Key{Store: "orders", Name: "invoic"}, p, 1),
		"other store":   r.Append(nil, allocator.Key{Store: "order", Name: "sinvoice"}, p, 1),
		"long key":      r.Append(nil, allocator.Key{Store: "orders", Name: long}, p, 1),
		"longer key":    r.Append(nil, allocator.Key{Store: "orders", Name: long + "k"}, p, 1),
		"other period":  r.Append(nil, invoice, date(t, r, "2027"), 1),
		"other secret":  other.Append(nil, invoice, p, 1),
		"another id":    r.Append(nil, invoice, p, 2),
		"another one's": other.Append(nil, invoice, p, 2),
	} {
		scrambled := string(n[4:])
		if before, ok := numbers[scrambled]; ok {
			t.Errorf("%s and %s are both %s", before, name, scrambled)
		}
		numbers[scrambled] = name
	}
}

// A period that a rule with shorter ones has begun is called as the one it is in,
// and its numbers can be read.
func TestPeriodOfAnotherRule(t *testing.T) {
	days := mustNew(t, numbering.Config{Period: "day"})
	years := mustNew(t, numbering.Config{Period: "year", Format: "{period}-{scramble:8}", Secret: secret})
	p := date(t, days, "2026-11-29")
	if got := years.Label(p); got != "2026" {
		t.Errorf("got %s", got)
	}
	gotPeriod, id, err := years.Decode(invoice, string(years.Append(nil, invoice, p, 77)))
	if err != nil || id != 77 || gotPeriod != date(t, years, "2026") {
		t.Errorf("got %d, %d, %v", gotPeriod, id, err)
	}
}
