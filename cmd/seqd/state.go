package main

import (
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// stateDir returns the folder that etcd's history is remembered in, "" for none.
// Unless it is configured it is the service manager's choice, else the user's.
//
// strangers tells whether an unknown etcd is taken for a new one rather than for
// one that was swapped. Nobody has chosen the user's folder, so it must not get
// in the way of those who set up etcds on their own machine and throw them away;
// an etcd that is restored from its own backup is found out there too.
func (c *config) stateDir(endpoints []string) (dir string, strangers bool) {
	switch c.StateDir {
	case "none", "-":
		return "", false
	case "":
	default:
		return c.StateDir, false
	}
	if dir := os.Getenv("STATE_DIRECTORY"); dir != "" { // systemd's; may name several
		dir, _, _ = strings.Cut(dir, ":")
		return dir, false
	}
	strangers = !slices.ContainsFunc(endpoints, func(e string) bool { return !isLoopback(e) })
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "seqd"), strangers
	}
	home, err := os.UserHomeDir()
	if err != nil || !filepath.IsAbs(home) {
		return "", false
	}
	return filepath.Join(home, ".local", "state", "seqd"), strangers
}

// isLoopback reports whether an endpoint, host:port or URL, is on this machine.
func isLoopback(endpoint string) bool {
	if u, err := url.Parse(endpoint); err == nil && u.Host != "" {
		endpoint = u.Host
	}
	host, _, err := net.SplitHostPort(endpoint)
	if err != nil {
		host = endpoint
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
