package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestStateDirs(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name               string
		set, systemd, user string // --state-dir, $STATE_DIRECTORY, $XDG_STATE_HOME
		private            bool
		dir, fences        string
	}{
		{"configured", "/s", "/sys", "/user", false, "/s", "/sys"},
		{"configured, as it would be", "/sys/", "/sys", "/user", false, "/sys", ""},
		{"configured, seen from here", "./s", "", "/user", false, filepath.Join(here, "s"), "/user/seqd"},
		{"off", "none", "/sys", "/user", false, "", "/sys"},
		{"off, in short", "-", "", "/user", false, "", "/user/seqd"},
		{"systemd's", "", "/var/lib/seqd:/var/lib/more", "/user", false, "/var/lib/seqd", ""},
		{"the user's", "", "", "/user", false, "/user/seqd", ""},
		{"the home's", "", "", "", false, "/home/me/.local/state/seqd", ""},
		{"a relative one does not count", "", "", "state", false, "/home/me/.local/state/seqd", ""},
		{"seqd dev's", "/data/state", "/sys", "/user", true, "/data/state", ""},
		{"seqd bench's", "none", "/sys", "/user", true, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("STATE_DIRECTORY", test.systemd)
			t.Setenv("XDG_STATE_HOME", test.user)
			t.Setenv("HOME", "/home/me")
			c := config{StateDir: test.set, privateState: test.private}
			if dir, fences := c.stateDirs(); dir != test.dir || fences != test.fences {
				t.Errorf("got %q, %q, want %q, %q", dir, fences, test.dir, test.fences)
			}
		})
	}
	t.Setenv("STATE_DIRECTORY", "")
	t.Setenv("XDG_STATE_HOME", "")
	t.Setenv("HOME", "")
	if dir, fences := (&config{}).stateDirs(); dir != "" || fences != "" {
		t.Errorf("without a home: got %q, %q", dir, fences)
	}
}
