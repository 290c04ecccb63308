package record

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// PrefixError is why a prefix can't be one.
type PrefixError struct {
	Reason string
	Taken  bool // versions before this one took it: its counters are still there, and those below the right one begin at 1
}

func (e *PrefixError) Error() string { return e.Reason }

// CanonicalPrefix returns the one spelling of a prefix, which has no slash at its
// end, so that all who mean the same counters find the same records. The error
// says why a prefix can't be one.
func CanonicalPrefix(prefix string) (string, error) {
	unseen := func(r rune) bool { return r == ' ' || !unicode.IsPrint(r) }
	parts := strings.TrimRight(prefix, "/")
	taken := func(format string, args ...any) (string, error) {
		return "", &PrefixError{fmt.Sprintf(format, args...), true}
	}
	switch {
	case prefix == "":
		return "", &PrefixError{"must not be empty: leave it out for " + DefaultPrefix, false}
	case !utf8.ValidString(prefix):
		return "", &PrefixError{"must be valid UTF-8", false}
	case strings.ContainsFunc(prefix, unseen):
		return taken("must hold no blank and nothing invisible, but is %q", prefix)
	case prefix[0] != '/':
		return taken("must begin with a slash, like /%s", parts)
	case parts == "":
		return taken("must have a name after its slash, like %s", DefaultPrefix)
	case strings.Contains(parts, "//"):
		return taken("must have no two slashes side by side, but is %s", parts)
	}
	return parts, nil
}

// CanonicalEndpoints returns the one spelling of a list of etcd's members, in
// order and without repetitions: host:port, or https://host:port. The error says
// which one can't be an endpoint and why, and does not show it, as it may hold a
// password.
func CanonicalEndpoints(endpoints []string) ([]string, error) {
	if len(endpoints) == 0 {
		return nil, errors.New("must name at least one host:port")
	}
	canonical := make([]string, len(endpoints))
	for i, e := range endpoints {
		var err error
		if canonical[i], err = canonicalEndpoint(e); err != nil {
			return nil, fmt.Errorf("endpoint %d of %d %w", i+1, len(endpoints), err)
		}
	}
	slices.Sort(canonical)
	return slices.Compact(canonical), nil
}

var errEndpoint = errors.New("is not like host:port or https://host:port")

func canonicalEndpoint(endpoint string) (string, error) {
	endpoint = strings.TrimSpace(endpoint)
	if IsUnix(endpoint) {
		return endpoint, nil
	}
	scheme, address, found := strings.Cut(endpoint, "://")
	if !found {
		scheme, address = "", endpoint
	}
	switch scheme = strings.ToLower(scheme); scheme {
	case "", "http":
		scheme = ""
	case "https":
		scheme = "https://"
	default:
		return "", errors.New("must begin with http:// or https://, or with neither")
	}
	host, port, err := net.SplitHostPort(strings.TrimRight(address, "/"))
	var wrong *net.AddrError
	switch {
	case errors.As(err, &wrong) && wrong.Err == "missing port in address" && address != "":
		return "", errors.New("has no port: etcd's is 2379 unless it was changed")
	case err != nil, host == "",
		strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || r == '\u007f' || strings.ContainsRune("/?#@\\,\"'", r) }):
		return "", errEndpoint
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || number == 0 {
		return "", errors.New("has a port that is no number from 1 to 65535")
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		host = ip.Unmap().String()
	}
	return scheme + net.JoinHostPort(strings.ToLower(host), strconv.FormatUint(number, 10)), nil
}

// Place is where counters are kept, as it is remembered: an etcd that is reached
// in two ways is one.
type Place struct {
	Prefix    string   `json:"prefix"`
	Endpoints []string `json:"endpoints"` // remembered forms
}

// PlaceOf returns the place that a prefix and endpoints name. It takes what is no
// endpoint as it is, for it may come from an older version's file.
func PlaceOf(prefix string, endpoints []string) Place {
	if canonical, err := CanonicalPrefix(prefix); err == nil {
		prefix = canonical
	}
	p := Place{Prefix: prefix}
	for _, e := range endpoints {
		p.Endpoints = append(p.Endpoints, rememberedForm(e))
	}
	slices.Sort(p.Endpoints)
	p.Endpoints = slices.Compact(p.Endpoints)
	return p
}

// thisMachine stands for every name of this machine's loopback.
const thisMachine = "localhost"

// rememberedForm returns an endpoint as it is remembered: whether the connection
// is secure does not matter, nor by which name this machine is called.
func rememberedForm(endpoint string) string {
	canonical, err := canonicalEndpoint(endpoint)
	if err != nil {
		return endpoint
	}
	if IsUnix(canonical) {
		_, file, _ := strings.Cut(canonical, ":")
		return "unix:" + path.Clean("/"+file)
	}
	host, port, err := net.SplitHostPort(strings.TrimPrefix(canonical, "https://"))
	if err != nil {
		return endpoint
	}
	host = strings.TrimRight(host, ".")
	if ip, err := netip.ParseAddr(host); err == nil && (ip.IsLoopback() || ip.IsUnspecified()) || strings.HasSuffix("."+host, "."+thisMachine) {
		host = thisMachine
	}
	return net.JoinHostPort(host, port)
}

// Meets reports whether both may be one place: one prefix, and an endpoint that
// both name.
func (p Place) Meets(other Place) bool {
	return p.Prefix == other.Prefix && slices.ContainsFunc(p.Endpoints, func(e string) bool {
		return slices.Contains(other.Endpoints, e)
	})
}

// Equal reports whether both are remembered alike.
func (p Place) Equal(other Place) bool {
	return p.Prefix == other.Prefix && slices.Equal(p.Endpoints, other.Endpoints)
}

// SamePlace reports whether two configurations name the same counters: one
// prefix, and an endpoint that both have, in whatever spelling.
func SamePlace(prefix string, endpoints []string, otherPrefix string, others []string) bool {
	return PlaceOf(prefix, endpoints).Meets(PlaceOf(otherPrefix, others))
}

// IsUnix reports whether an endpoint is a socket in the file system.
func IsUnix(endpoint string) bool {
	return strings.HasPrefix(endpoint, "unix:") || strings.HasPrefix(endpoint, "unixs:")
}
