package alipay

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"
)

// certificate makes a self-signed certificate for a host and the pool that trusts it.
func certificate(t *testing.T, until time.Time, host string) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, NotBefore: until.Add(-24 * time.Hour), NotAfter: until,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{host}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, pool
}

func TestTLSIsVerified(t *testing.T) {
	right, roots := certificate(t, time.Now().Add(time.Hour), "127.0.0.1")
	expired, expiredRoots := certificate(t, time.Now().Add(-time.Minute), "127.0.0.1")
	other, otherRoots := certificate(t, time.Now().Add(time.Hour), "mapi.example.com")
	old := right.Clone()
	old.MaxVersion = tls.VersionTLS11
	for name, c := range map[string]struct {
		config *tls.Config
		roots  *x509.CertPool
		want   string
	}{
		"right":       {right, roots, ""},
		"self-signed": {right, otherRoots, "the certificate of 127.0.0.1 is self-signed"},
		"expired":     {expired, expiredRoots, "the certificate of 127.0.0.1 expired on 20"},
		"other name":  {other, otherRoots, "the certificate of 127.0.0.1 is not for this name but for mapi.example.com"},
		"TLS 1.1":     {old, roots, "protocol version"},
	} {
		t.Run(name, func(t *testing.T) {
			p := listen(t, c.config, respond(200, "<alipay><is_success>F</is_success><error>RETRY</error></alipay>"))
			client := newClient(t, Options{Gateway: "https://" + p.Addr().String() + "/gateway.do", RootCAs: c.roots})
			conn, err := client.Connect(t.Context())
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), p.Addr().String()) {
					t.Fatalf("connected: %v", err)
				}
				if a, _, _ := client.Query(t.Context(), testCredentials(), tradeNo); a.Outcome != Unknown || !strings.Contains(a.Err.Error(), c.want) {
					t.Fatalf("queried: %+v", a)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := conn.Close(); err != nil {
				t.Fatal(err)
			}
			if r := ship(t, client, openWindow()); r.Outcome != Busy {
				t.Fatalf("%+v", r)
			}
		})
	}
}
