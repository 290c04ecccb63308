package doctor

import (
	"strings"
	"testing"
	"time"
)

func TestWallClocks(t *testing.T) {
	now := time.Now()
	at := func(name string, ahead time.Duration) reading {
		return reading{worker: name, came: now, wall: now.Round(0).Add(ahead)}
	}
	for _, test := range []struct {
		of     map[string]reading
		status Status
		text   string // "": nothing is said
	}{
		{map[string]reading{"a": {worker: "a", came: now}}, OK, ""}, // it has no numbers
		{map[string]reading{"a": at("a", -30*time.Second), "b": at("b", 29*time.Second)}, OK, "agree within a minute: 2"},
		{map[string]reading{"a": at("a", -30*time.Second), "b": at("b", 31*time.Second), "c": at("c", 0)}, Fail, "worker b is 1m1s ahead of that of worker a"},
	} {
		e := &examination{}
		e.lookAtWallClocks(clocks{of: test.of})
		if test.text == "" {
			if len(e.report.Findings) != 0 {
				t.Errorf("got %+v", e.report.Findings)
			}
			continue
		}
		if len(e.report.Findings) != 1 || e.report.Findings[0].Status != test.status || !strings.Contains(e.report.Findings[0].Text, test.text) {
			t.Errorf("got %+v, want %q", e.report.Findings, test.text)
		}
	}
}
