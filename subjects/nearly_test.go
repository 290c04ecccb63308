package subjects_test

import (
	"strings"
	"testing"

	"github.com/seqd-io/seqd/subjects"
)

// A caller wrote {"N":10}, as Go's encoders do of a struct without tags, got one id,
// and counted on nine more that others were given. A request that is nearly right
// is refused, and the text says what to write in its place.
func TestRefusalsSayWhatToWrite(t *testing.T) {
	for _, tt := range []struct {
		header map[string][]string
		body   string
		want   string
	}{
		{nil, `{"N":10}`, `field "N" must be written "n"`},
		{nil, `{"N":10,"n":10}`, `field "N" must be written "n"`},
		{nil, "\x82\xa1n\x0a\xa4Mode\xa6strong", `field "Mode" must be written "mode"`},
		{nil, "\x81\xc4\x05Nonce\x07", `field "Nonce" must be written "nonce"`},
		{nil, `{"idempotencyKey":"a"}`, `field "idempotencyKey" must be written "idempotency_key"`},
		{nil, `{"Seq-Count":10,"mode":"strong"}`, `field "Seq-Count" must be written "n"`},
		{nil, `{"idempotency-key":"a","n":1}`, `field "idempotency-key" must be written "idempotency_key"`},
		{nil, `{"pattern":"x","data":{"n":2},"id":"a"}`, `no field of the body is known: seqd knows n, mode, nonce and idempotency_key, at the top of the map, not inside an envelope`},
		{nil, `{"n":1,"n":2}`, `field "n" stands twice`},
		{nil, "\x82\xa1n\x01\xc4\x01n\x02", `field "n" stands twice`},

		{nil, `[1]`, `body must be empty, a msgpack map or a JSON object, not a JSON array`},
		{nil, `"strong"`, `not a JSON string`},
		{nil, ` true`, `not a JSON boolean`},
		{nil, `null`, `not JSON's null: for one id send {} or nothing`},
		{nil, `-10`, `not a JSON number: for a count send {"n":2} or the header Seq-Count`},
		{nil, "ten", `not text that is no JSON`},
		{nil, "n=10", `not text that is no JSON`},
		{nil, "größe", `not text that is no JSON`},
		{nil, "\n", `not blanks alone`},
		{nil, "\xef\xbb\xbf{}", `not text behind a byte order mark: leave the mark out`},
		{nil, "\x92\x02\xa6strong", `not a msgpack array: write a map, with the fields' names`},
		{nil, "\x05", `not a msgpack integer: for a count send {"n":2} or the header Seq-Count`},
		{nil, "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", `not a msgpack integer`},
		{nil, "\xa6strong", `not a msgpack string`},
		{nil, "\xc4\x01n", `not msgpack binary`},
		{nil, "\xc0", `not msgpack's nil: for one id send nothing`},
		{nil, "\xc3", `not a msgpack boolean, float or extension`},
		{nil, "\xff\xfe{\x00}\x00", `not bytes that are neither`},

		{one("Seq_Count", "3"), "", `header "Seq_Count" must be written Seq-Count`},
		{one("X-Seq-Mode", "weak"), "", `header "X-Seq-Mode" must be written Seq-Mode`},
		{one("Seq-N", "3"), "", `header "Seq-N" is not known: seqd reads Accept, Seq-Count, Seq-Mode, Seq-Timeout-Ms and Idempotency-Key`},
		{one("seq-nonce", "3"), "", `header "seq-nonce" is not known`},
		{one("Idempotency_Key", "a"), "", `header "Idempotency_Key" must be written Idempotency-Key`},
		{one("X-Idempotency-Key", "a"), "", `header "X-Idempotency-Key" must be written Idempotency-Key`},
		{one("Idempotency-Key", "a", "b"), "", `header Idempotency-Key stands twice, with different values`},
		{one("Seq-Count", "3", "4"), "", `header Seq-Count stands twice, with different values`},
		{map[string][]string{"Seq-Count": {"3"}, "seq-count": {"4"}}, "", `header Seq-Count stands twice`},
		{map[string][]string{"Seq-N": {"3"}, "Seq-M": {"3"}, "Seq-P": {"4"}}, "", `header "Seq-M" is not known`},
	} {
		var r subjects.Request
		err := r.Decode(tt.header, []byte(tt.body))
		checkBadRequest(t, err)
		if !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v %q: got %v, want %s", tt.header, tt.body, err, tt.want)
		}
	}
}

func one(name string, values ...string) map[string][]string {
	return map[string][]string{name: values}
}

// However many nearly right names a hostile body holds, the first is told.
func TestManyNearlyRightNames(t *testing.T) {
	body := join("\xdf\x00\x00\xff\xff", []byte(strings.Repeat("\xa1N\xc0", 1<<16-1)))
	if got := allocated(func() { _ = new(subjects.Request).Decode(nil, body) }); got > 2048 {
		t.Errorf("%d bytes", got)
	}
}

// A header that stands twice with one value is no guess, and one without a value is
// none.
func TestHeaderTwiceWithOneValue(t *testing.T) {
	var r subjects.Request
	err := r.Decode(map[string][]string{"Seq-Count": {"3", "3"}, "seq-count": {"3"}, subjects.ModeHeader: {}}, nil)
	if err != nil || r.N != 3 || r.Mode != subjects.DefaultMode {
		t.Errorf("got %+v %v", r, err)
	}
}
