package page

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// What a browser sends for another site is refused, and on loopback so is what
// comes under another name, as after DNS rebinding.
func TestGuard(t *testing.T) {
	ok := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	const served, other, misdirected = http.StatusOK, http.StatusForbidden, http.StatusMisdirectedRequest
	for _, c := range []struct {
		name, method, path, host string
		header                   map[string]string
		loopback                 bool
		want                     int
	}{
		{"a person", "GET", "/", "localhost:8280", map[string]string{"Sec-Fetch-Site": "none"}, true, served},
		{"a person, by address", "GET", "/", "127.0.0.1:8280", nil, true, served},
		{"by another loopback address", "GET", "/", "127.8.0.1", nil, true, served},
		{"IPv6", "GET", "/", "[::1]:8280", nil, true, served},
		{"IPv6 without a port", "GET", "/", "[::1]", nil, true, served},
		{"a name below localhost", "GET", "/", "seqd.LOCALHOST.:8280", nil, true, served},
		{"rebinding", "GET", "/page/view", "evil.example:8280", map[string]string{"Sec-Fetch-Site": "same-origin"}, true, misdirected},
		{"rebinding to what looks like it", "GET", "/", "localhost.evil.example", nil, true, misdirected},
		{"an address that is none of loopback", "GET", "/", "10.0.0.1:8280", nil, true, misdirected},
		{"no host", "GET", "/", "", nil, true, misdirected},
		{"elsewhere the name is free", "GET", "/", "seqd.example", nil, false, served},
		{"a link from another site", "GET", "/", "localhost", map[string]string{"Sec-Fetch-Site": "cross-site"}, true, served},
		{"a read by another site", "GET", "/page/key", "localhost", map[string]string{"Sec-Fetch-Site": "cross-site"}, true, other},
		{"a read by another port", "GET", "/page/view", "localhost", map[string]string{"Sec-Fetch-Site": "same-site"}, true, other},
		{"our own read", "GET", "/page/view", "localhost", map[string]string{"Sec-Fetch-Site": "same-origin"}, true, served},
		{"our own question", "POST", "/page/ids", "localhost:1", map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost:1"}, true, served},
		{"a question by another site", "POST", "/page/ids", "localhost:1", map[string]string{"Sec-Fetch-Site": "cross-site"}, true, other},
		{"the same, by an old browser", "POST", "/page/ids", "localhost:1", map[string]string{"Origin": "http://evil.example"}, true, other},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest(c.method, c.path, nil)
			r.Host = c.host
			for name, value := range c.header {
				r.Header.Set(name, value)
			}
			rw := httptest.NewRecorder()
			guarded(ok, c.loopback).ServeHTTP(rw, r)
			if rw.Code != c.want {
				t.Errorf("%d, want %d", rw.Code, c.want)
			}
			h := rw.Header()
			if csp := h.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; script-src 'self'; ") || strings.Contains(csp, "unsafe") {
				t.Errorf("policy %q", csp)
			}
			if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cache-Control") != "no-store" || h.Get("Referrer-Policy") != "no-referrer" || h.Get("Cross-Origin-Resource-Policy") != "same-origin" {
				t.Errorf("headers %v", h)
			}
		})
	}
}

// The page names nothing that is elsewhere, and holds no script or style of its
// own that the policy would not let run.
func TestLoadsNothingFromElsewhere(t *testing.T) {
	for name, text := range map[string][]byte{"html": html, "css": css, "script": script} {
		clean := strings.NewReplacer("http://www.w3.org/2000/svg", "", "http%3A", "").Replace(string(text))
		for _, bad := range []string{"http:", "https:", `src="//`, "@import", "innerHTML", "insertAdjacent", "document.write", "eval(", " style=", " onclick", "<script>", "<style"} {
			if strings.Contains(clean, bad) {
				t.Errorf("the page's %s holds %q", name, bad)
			}
		}
	}
}
