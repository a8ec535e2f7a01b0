package alipay

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"
)

// CertificateError says that the gateway's certificate was refused: whose it is and what is wrong with it.
type CertificateError struct {
	Host string
	Why  string
	Err  error // the library's
}

func (e *CertificateError) Error() string {
	return fmt.Sprintf("the certificate of %s %s: %v", e.Host, e.Why, e.Err)
}

// Unwrap is the library's error.
func (e *CertificateError) Unwrap() error { return e.Err }

// explainTLS says of a certificate that was refused what a person has to know, as a CertificateError; other errors are left as
// they are. The library's own words leave out the host, and call a self-signed certificate one of an unknown
// authority.
func explainTLS(host string, err error) error {
	var refused *tls.CertificateVerificationError
	if !errors.As(err, &refused) || len(refused.UnverifiedCertificates) == 0 {
		return err
	}
	leaf := refused.UnverifiedCertificates[0]
	why := "is not trusted"
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &name):
		why = "is not for this name but for " + namesOf(leaf)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		why = validity(invalid.Cert, time.Now())
	case errors.As(err, &unknown) && bytes.Equal(leaf.RawIssuer, leaf.RawSubject):
		why = "is self-signed"
	case errors.As(err, &unknown):
		why = fmt.Sprintf("comes from an authority that is not known here (%s)", leaf.Issuer)
	}
	return &CertificateError{Host: host, Why: why, Err: err}
}

// validity says how a certificate's time and a clock disagree.
func validity(c *x509.Certificate, now time.Time) string {
	if now.Before(c.NotBefore) {
		return "is not valid before " + c.NotBefore.UTC().Format(time.RFC3339) + "; is this machine's clock right?"
	}
	return "expired on " + c.NotAfter.UTC().Format(time.RFC3339)
}

func namesOf(c *x509.Certificate) string {
	names := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return "nobody"
	}
	return strings.Join(names[:min(len(names), 5)], ", ")
}

// Certificate is what the gateway has proved itself with; nil over plain http.
func (c *Conn) Certificate() *x509.Certificate {
	secure, ok := c.conn.(*tls.Conn)
	if !ok || len(secure.ConnectionState().PeerCertificates) == 0 {
		return nil
	}
	return secure.ConnectionState().PeerCertificates[0]
}

// Peer is the address that the connection leads to.
func (c *Conn) Peer() string { return c.guard.RemoteAddr().String() }
