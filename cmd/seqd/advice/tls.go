package advice

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
)

// aboutTLS returns what to try about err, which a TLS connection as a client ended
// with, or "" if it is not about TLS. peer begins the names of the flags:
// "nats" for --nats-ca. Its text holds nothing but the certificates' names and
// dates.
func aboutTLS(err error, peer string) string {
	var (
		invalid x509.CertificateInvalidError
		name    x509.HostnameError
		unknown x509.UnknownAuthorityError
		verify  *tls.CertificateVerificationError
		record  tls.RecordHeaderError
		op      *net.OpError
	)
	switch {
	case errors.As(err, &unknown):
		return fmt.Sprintf("the server's certificate is not signed by an authority that is known here: set --%s-ca to the file of the one that signed it", peer)
	case errors.As(err, &name):
		return fmt.Sprintf("the server's certificate is not for this address, but for %s: connect to one of these, or have the address added to the certificate", names(name.Certificate))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the server's certificate, or its authority's, is not valid at this time: renew it, or set this machine's clock"
	case errors.As(err, &verify), errors.As(err, &invalid):
		return fmt.Sprintf("the server's certificate can't be trusted: have it made anew, for servers, by the authority in --%s-ca", peer)
	case errors.As(err, &record):
		return fmt.Sprintf("the server does not speak TLS at this port: look at the port, or leave out --%[1]s-ca, --%[1]s-cert and --%[1]s-key", peer)
	case errors.As(err, &op) && op.Op == "remote error": // an alert: what the server thinks of us
		if strings.Contains(op.Error(), "certificate required") {
			return fmt.Sprintf("the server asks for a client certificate: set --%[1]s-cert and --%[1]s-key", peer)
		}
		return fmt.Sprintf("the server refuses this client's certificate: look whether the one in --%s-cert is still valid, for clients, and signed by an authority that the server trusts", peer)
	}
	return ""
}

// names returns whom a certificate is for.
func names(c *x509.Certificate) string {
	all := c.DNSNames
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	if len(all) == 0 {
		return "nobody"
	}
	return strings.Join(all, ", ")
}
