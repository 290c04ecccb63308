package numbering

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"time"
)

// Fingerprint returns a short text that is the same for two rules if they print the
// same. It is made of all settings, of the secret, and of the changes of the zone's
// clocks from 2020 to 2050, which two machines may know differently. It does not give
// the secret away.
func (r *Rule) Fingerprint() string {
	h := sha256.New()
	c := r.calendar
	fmt.Fprintf(h, "%v %v %d %q\n", c.kind, c.month, c.day, r.config.Format)
	if r.Periodic() {
		writeChanges(h, r.zone)
	}
	if r.scramble != nil {
		h.Write(r.scramble.proof)
	}
	return hex.EncodeToString(h.Sum(nil)[:4])
}

// writeChanges writes when a zone's clocks are changed, to what offset from UTC.
func writeChanges(h hash.Hash, zone *time.Location) {
	end := time.Date(2050, time.January, 1, 0, 0, 0, 0, time.UTC)
	at, ever, before := time.Date(2020, time.January, 1, 0, 0, 0, 0, time.UTC).In(zone), true, -1
	for ever && at.Before(end) {
		if _, offset := at.Zone(); offset != before {
			fmt.Fprintf(h, "%d %d\n", at.Unix(), offset)
			before = offset
		}
		at, ever = stretch(at)
	}
}
