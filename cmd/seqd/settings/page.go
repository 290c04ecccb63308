package settings

import (
	"errors"
	"net"
)

// Where the page for people is shown. It tells the names of stores and keys to
// whoever can open it, so that an address which others reach needs a word of the
// operator.
const (
	PageLoopback   = "loopback"   // where the HTTP address is a loopback one
	PageEverywhere = "everywhere" // at any HTTP address
	PageNone       = "none"
)

// checkPage checks where the page is to be shown.
func checkPage(where string) error {
	switch where {
	case PageLoopback, PageEverywhere, PageNone:
		return nil
	}
	return errors.New("must be loopback, everywhere or none")
}

// ShowsPage reports whether the page is shown at an address.
func (c *Config) ShowsPage(addr net.Addr) bool {
	return c.Page == PageEverywhere || c.Page == PageLoopback && IsLoopback(addr)
}

// IsLoopback reports whether only processes of this machine reach an address.
func IsLoopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
