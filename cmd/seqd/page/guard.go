package page

import (
	"net"
	"net/http"
	"strings"
)

// policy allows the page its own script and style and nothing else. Not even a
// fault in the script could load something, send something elsewhere, or write
// markup: Trusted Types forbid that, and no policy for them can be made.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// guarded keeps other sites away from next.
//
// A page of another site can have a browser send requests to loopback. Where its
// name is made to resolve there (DNS rebinding) the browser even takes us for that
// site, and only the Host header tells. Where it is not, the browser says that the
// request comes from another site.
func guarded(next http.Handler, loopback bool) http.Handler {
	unsafe := http.NewCrossOriginProtection() // for methods that change something
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		h := rw.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if loopback && !namesLoopback(r.Host) {
			http.Error(rw, "this page is shown under the name localhost or a loopback address only", http.StatusMisdirectedRequest)
			return
		}
		if r.URL.Path != "/" && !ownSite(r) || unsafe.Check(r) != nil {
			http.Error(rw, "another site asked for this", http.StatusForbidden)
			return
		}
		next.ServeHTTP(rw, r)
	})
}

// ownSite reports whether a browser sends the request for the page itself, or
// because a person typed the address. What is no browser does not say.
func ownSite(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
		return true
	}
	return false
}

// namesLoopback reports whether a Host header names this machine as only its own
// processes do.
func namesLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
	return ip != nil && ip.IsLoopback()
}
