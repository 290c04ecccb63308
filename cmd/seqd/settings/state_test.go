package settings_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/seqd-io/seqd/cmd/seqd/settings"
)

func TestStateDirs(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name               string
		set, systemd, user string // --state-dir, $STATE_DIRECTORY, $XDG_STATE_HOME
		dir, fences        string
	}{
		{"configured", "/s", "/sys", "/user", "/s", "/sys"},
		{"configured, as it would be", "/sys/", "/sys", "/user", "/sys", ""},
		{"configured, seen from here", "./s", "", "/user", filepath.Join(here, "s"), "/user/seqd"},
		{"off", "none", "/sys", "/user", "", "/sys"},
		{"off, in short", "-", "", "/user", "", "/user/seqd"},
		{"systemd's", "", "/var/lib/seqd:/var/lib/more", "/user", "/var/lib/seqd", ""},
		{"the user's", "", "", "/user", "/user/seqd", ""},
		{"the home's", "", "", "", "/home/me/.local/state/seqd", ""},
		{"a relative one does not count", "", "", "state", "/home/me/.local/state/seqd", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("STATE_DIRECTORY", test.systemd)
			t.Setenv("XDG_STATE_HOME", test.user)
			t.Setenv("HOME", "/home/me")
			c := settings.Config{StateDir: test.set}
			if dir, fences := c.StateDirs(); dir != test.dir || fences != test.fences {
				t.Errorf("got %q, %q, want %q, %q", dir, fences, test.dir, test.fences)
			}
		})
	}
	t.Setenv("STATE_DIRECTORY", "")
	t.Setenv("XDG_STATE_HOME", "")
	t.Setenv("HOME", "")
	if dir, fences := (&settings.Config{}).StateDirs(); dir != "" || fences != "" {
		t.Errorf("without a home: got %q, %q", dir, fences)
	}
}
