package settings

import (
	"os"
	"path/filepath"
	"strings"
)

// StateDirs returns the folder that etcd's history is remembered in, "" for none,
// and the one that a fence is noted in besides, so that it holds for whoever
// starts a worker with another folder, or none. That is the machine's own folder,
// where it is not the first one anyway.
func (c *Config) StateDirs() (dir, fences string) {
	own := defaultStateDir()
	switch c.StateDir {
	case "":
		return own, ""
	case "none", "-":
		return "", own
	}
	dir = c.StateDir
	if absolute, err := filepath.Abs(dir); err == nil {
		dir = absolute // for an operator who reads of it from elsewhere
	}
	if dir == own {
		own = ""
	}
	return dir, own
}

// defaultStateDir returns the service manager's choice, else the user's; "" where
// there is neither.
func defaultStateDir() string {
	if dir := os.Getenv("STATE_DIRECTORY"); dir != "" { // systemd's; may name several
		dir, _, _ = strings.Cut(dir, ":")
		return filepath.Clean(dir)
	}
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "seqd")
	}
	home, err := os.UserHomeDir()
	if err != nil || !filepath.IsAbs(home) {
		return ""
	}
	return filepath.Join(home, ".local", "state", "seqd")
}
