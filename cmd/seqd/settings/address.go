package settings

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/seqd-io/seqd/allocator/etcd/record"
)

// What is wrong with an address or a file's name is said without showing it: it
// may hold a password, and where it is malformed nobody knows which part is one.

// checkNATSURL checks a list of NATS servers with commas.
func checkNATSURL(list string) error {
	servers := strings.Split(list, ",")
	webSockets := 0
	for i, server := range servers {
		u, err := parseNATSURL(server)
		if err != nil {
			return fmt.Errorf("server %d of %d %w", i+1, len(servers), err)
		}
		if strings.HasPrefix(u.Scheme, "ws") {
			webSockets++
		}
	}
	if webSockets > 0 && webSockets < len(servers) {
		return errors.New("must all begin with ws:// or wss://, or none")
	}
	return nil
}

// natsURLHasUser reports whether a server of a list, which was checked, has a user
// or a token before its host.
func natsURLHasUser(list string) bool {
	for server := range strings.SplitSeq(list, ",") {
		if u, err := parseNATSURL(server); err == nil && u.User != nil {
			return true
		}
	}
	return false
}

var natsSchemes = []string{"nats", "tls", "ws", "wss"}

// parseNATSURL reads one server as nats.go does.
func parseNATSURL(server string) (*url.URL, error) {
	server = strings.TrimSpace(server)
	if !strings.Contains(server, "://") {
		server = "nats://" + server
	}
	u, err := url.Parse(server)
	switch {
	case err != nil, u.Hostname() == "", u.RawQuery != "", u.Fragment != "", // a "?" or "#" in a password begins these
		u.Path != "" && u.Path != "/" && !strings.HasPrefix(u.Scheme, "ws"):
		return nil, errors.New("is not like nats://host:port; in nats://user:password@host:port write %40 for @, %2F for /, %3A for :, %23 for #, %3F for ?, %25 for %")
	case !slices.Contains(natsSchemes, u.Scheme):
		return nil, fmt.Errorf("must begin with one of %s", strings.Join(natsSchemes, "://, ")+"://")
	}
	if port, err := strconv.ParseUint(u.Port(), 10, 16); u.Port() != "" && (err != nil || port == 0) {
		return nil, errors.New("has a port that is no number from 1 to 65535")
	}
	return u, nil
}

// natsHosts returns the servers of a list without users and passwords.
func natsHosts(list string) string {
	var hosts []string
	for server := range strings.SplitSeq(list, ",") {
		u, err := parseNATSURL(server)
		if err != nil {
			continue // was complained of before
		}
		hosts = append(hosts, u.Scheme+"://"+u.Host)
	}
	return strings.Join(hosts, ",")
}

// canonicalEndpoints checks etcd's addresses, host:port or URLs, and returns them
// in their one spelling.
func canonicalEndpoints(endpoints []string, tls bool) ([]string, error) {
	if strings.Join(endpoints, "") == "" {
		return nil, errors.New("must name at least one host:port")
	}
	for i, e := range endpoints {
		which := fmt.Sprintf("endpoint %d of %d", i+1, len(endpoints))
		switch {
		case strings.TrimSpace(e) == "":
			return nil, fmt.Errorf("%s is empty", which)
		case strings.Contains(e, "@"):
			return nil, fmt.Errorf("%s holds a user or password: set etcd.username and etcd.password, or SEQD_ETCD_USERNAME and SEQD_ETCD_PASSWORD", which)
		case tls && strings.HasPrefix(strings.ToLower(strings.TrimSpace(e)), "http://"):
			return nil, fmt.Errorf("%s begins with http://, but tls is set: write https://, or leave tls out", which)
		}
	}
	canonical, err := record.CanonicalEndpoints(endpoints)
	if err != nil {
		return nil, err
	}
	secure := 0
	for _, e := range canonical {
		if strings.HasPrefix(e, "https://") {
			secure++
		}
	}
	if !tls && secure > 0 && secure < len(canonical) {
		return nil, errors.New("must all begin with https://, or none")
	}
	return canonical, nil
}

// checkFile refuses what is no file's name but what should be in the file: an
// easy mistake in an environment variable.
func checkFile(setting, name string) error {
	seed := len(name) > 50 && name[0] == 'S' && !strings.ContainsAny(name, "/.\\")
	if seed || strings.Contains(name, "-----BEGIN") || strings.Contains(name, "\n") {
		return fmt.Errorf("%s must be the name of a file, but is a key or certificate itself: write it to a file", setting)
	}
	return nil
}

// NoHTTP in place of an address is no HTTP.
const NoHTTP = "none"

// CheckHTTPAddr checks an address to listen on.
func CheckHTTPAddr(addr string) error {
	host, port, err := net.SplitHostPort(addr)
	_, notNumber := strconv.ParseUint(port, 10, 16)
	if err != nil || notNumber != nil || strings.ContainsFunc(host, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(".-_:%", r)
	}) {
		return errors.New("must be HOST:PORT like 127.0.0.1:8280, with a port up to 65535")
	}
	return nil
}

// ListenHTTP listens on an address, and returns nil for NoHTTP.
func ListenHTTP(addr string) (net.Listener, error) {
	if addr == NoHTTP {
		return nil, nil
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("HTTP: %w; choose another address with --http-addr (\"none\" for no HTTP)", err)
	}
	return l, nil
}
