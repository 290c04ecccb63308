package main

import "testing"

func TestStateDir(t *testing.T) {
	local, remote := []string{"127.0.0.1:2379", "http://localhost:1", "[::1]:2"}, []string{"127.0.0.1:2379", "10.0.0.1:2379"}
	for _, test := range []struct {
		name               string
		set, systemd, user string // --state-dir, $STATE_DIRECTORY, $XDG_STATE_HOME
		endpoints          []string
		dir                string
		strangers          bool
	}{
		{"configured", "/s", "/sys", "/user", local, "/s", false},
		{"off", "none", "/sys", "/user", local, "", false},
		{"off, in short", "-", "/sys", "/user", remote, "", false},
		{"systemd's", "", "/var/lib/seqd:/var/lib/more", "/user", local, "/var/lib/seqd", false},
		{"the user's", "", "", "/user", remote, "/user/seqd", false},
		{"the user's, etcd on this machine", "", "", "/user", local, "/user/seqd", true},
		{"the home's", "", "", "", remote, "/home/me/.local/state/seqd", false},
		{"a relative one does not count", "", "", "state", local, "/home/me/.local/state/seqd", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("STATE_DIRECTORY", test.systemd)
			t.Setenv("XDG_STATE_HOME", test.user)
			t.Setenv("HOME", "/home/me")
			c := config{StateDir: test.set}
			dir, strangers := c.stateDir(test.endpoints)
			if dir != test.dir || strangers != test.strangers {
				t.Errorf("got %q, %v, want %q, %v", dir, strangers, test.dir, test.strangers)
			}
		})
	}
	t.Setenv("STATE_DIRECTORY", "")
	t.Setenv("XDG_STATE_HOME", "")
	t.Setenv("HOME", "")
	if dir, _ := (&config{}).stateDir(local); dir != "" {
		t.Errorf("without a home: got %q", dir)
	}
	for endpoint, want := range map[string]bool{
		"127.0.0.1:2379": true, "127.9.9.9": true, "localhost:2379": true, "https://[::1]:2379": true, "::1": true,
		"10.0.0.1:2379": false, "etcd:2379": false, "http://etcd.local:2379": false, "": false,
	} {
		if got := isLoopback(endpoint); got != want {
			t.Errorf("%q: got %v", endpoint, got)
		}
	}
}
