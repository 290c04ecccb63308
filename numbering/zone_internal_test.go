package numbering

import (
	"testing"
	"time"
)

// A machine whose zone data are older than another's has another fingerprint, and
// days that begin at other times.
func TestOtherZoneData(t *testing.T) {
	newer, err := New(Config{Period: "day", Zone: "Europe/Berlin"})
	if err != nil {
		t.Fatal(err)
	}
	older, err := New(Config{Period: "day", Zone: "Europe/Berlin"})
	if err != nil {
		t.Fatal(err)
	}
	if older.Fingerprint() != newer.Fingerprint() {
		t.Errorf("got %s and %s of the same data", older.Fingerprint(), newer.Fingerprint())
	}
	older.zone = time.FixedZone("Europe/Berlin", 60*60) // as if DST were not known there yet
	if older.Fingerprint() == newer.Fingerprint() {
		t.Errorf("both are %s", newer.Fingerprint())
	}
	at := time.Date(2026, time.July, 1, 22, 30, 0, 0, time.UTC)
	if older.Period(at) != newer.Period(at)-1 {
		t.Errorf("got periods %d and %d", older.Period(at), newer.Period(at))
	}
}
