package check_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"fahuo/internal/alipay"
	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/check"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
	"fahuo/internal/worker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	partner  = "2088900000000001"
	testKey  = "check-test-key-0123456789abcdef0" // a test key
	waiting  = "2026112300001001000000000001"     // trades: one that waits to be shipped
	interval = 50 * time.Millisecond
)

// host is a machine on which all is well, unless a test says otherwise.
type host struct {
	free   uint64
	remote string
	files  uint64
	kept   bool
	err    error
}

func (h host) Free(string) (uint64, error)             { return h.free, h.err }
func (h host) FileSystem(string) (string, bool, error) { return h.remote, h.remote != "", h.err }
func (h host) OpenFiles() (uint64, error)              { return h.files, h.err }
func (h host) Synchronized() (bool, error)             { return h.kept, h.err }
func wellKept() host                                   { return host{free: 1 << 40, files: 4096, kept: true} }
func (s *scene) host(change func(*host))               { h := wellKept(); change(&h); s.o.Host = h }
func (s *scene) url() string                           { return s.o.Ledger }
func (s *scene) query(f alipaytest.Fault)              { f.Service = "query"; s.gateway.Inject(f) }
func (s *scene) refuse(code string)                    { s.gateway.SetAccountRefusal(partner, code) }

func (s *scene) client(o alipay.Options) { s.o.Client = newClient(s.t, o); s.o.Gateway = o.Gateway }
func (s *scene) look(no string)          { s.o.TradeNo = no }
func (s *scene) put(no, status string) {
	s.gateway.PutTrade(alipaytest.Trade{Partner: partner, No: no, Status: status})
}

func credentials() alipay.Credentials {
	return alipay.Credentials{Partner: partner, SignType: alipay.MD5, Charset: alipay.UTF8, Key: alipay.NewSecret(testKey)}
}

// scene is a check with everything around it real: the production client over HTTP to the simulated gateway, a ledger
// in a file.
type scene struct {
	t       *testing.T
	setup   alipaytest.Options // of the gateway, until it is started
	gateway *alipaytest.Server
	o       check.Options
}

// set starts the gateway and prepares a check that finds nothing wrong.
func set(t *testing.T, prepare func(*alipaytest.Options)) *scene {
	t.Helper()
	creds := credentials()
	s := &scene{t: t, setup: alipaytest.Options{
		Accounts: []alipaytest.Account{{Credentials: creds}}, Interval: interval, Seed: 1,
		Trades: []alipaytest.Trade{{Partner: partner, No: waiting}},
	}}
	if prepare != nil {
		prepare(&s.setup)
	}
	var err error
	s.gateway, err = alipaytest.Start(s.setup)
	if err != nil {
		t.Fatal(err)
	}
	first := s.gateway // a test may put another one in its place
	t.Cleanup(func() {
		if err := first.Close(); err != nil {
			t.Error(err)
		}
	})
	s.o = check.Options{
		Accounts: []worker.Account{{Name: "test", Interval: interval, Credentials: &creds}},
		Ledger:   "sqlite:" + filepath.Join(t.TempDir(), "fahuo.db"), Redis: "embedded", Host: wellKept(),
		ShipWithin: 5 * time.Minute, CallTimeout: 20 * time.Second,
		Retry: worker.Retry{Base: time.Minute, Cap: time.Hour, For: time.Hour}, Name: "check", Person: "tester", Log: zerolog.Nop(),
	}
	s.client(alipay.Options{Gateway: s.gateway.URL()})
	return s
}

func newClient(t *testing.T, o alipay.Options) *alipay.Client {
	t.Helper()
	o.TestSystems = true
	c, err := alipay.NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// ship asks for the trade that waits to be shipped.
func (s *scene) ship() {
	s.look(waiting)
	s.o.Ship = &shipment.Shipment{
		Partner: partner, TradeNo: waiting, LogisticsName: "顺丰速运", InvoiceNo: "SF1", TransportType: shipment.TransportExpress,
		Batch: "worker check", Urgent: true,
	}
}

// with opens the ledger for a moment.
func (s *scene) with(f func(ctx context.Context, book *ledger.Ledger) error) {
	s.t.Helper()
	book, err := ledger.Open(s.t.Context(), s.url())
	if err != nil {
		s.t.Fatal(err)
	}
	if err := f(s.t.Context(), book); err != nil {
		s.t.Error(err)
	}
	if err := book.Close(); err != nil {
		s.t.Error(err)
	}
}

// calls counts the ship calls that the gateway has seen.
func (s *scene) calls() (n int) {
	for _, a := range s.gateway.Arrivals() {
		if a.Ship() {
			n++
		}
	}
	return n
}

func (s *scene) run() check.Report {
	s.t.Helper()
	return check.Run(s.t.Context(), s.o)
}

func find(t *testing.T, r check.Report, id check.ID) check.Step {
	t.Helper()
	i := slices.IndexFunc(r.Steps, func(s check.Step) bool { return s.ID == id })
	if i < 0 {
		t.Fatalf("there is no step %s", id)
	}
	return r.Steps[i]
}

// text is the report as people see it.
func text(t *testing.T, r check.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// expect wants exactly these steps to have failed, the first with a text in what it found or in what to do.
func expect(t *testing.T, r check.Report, says string, want ...check.ID) {
	t.Helper()
	var failed []check.ID
	for _, s := range r.Failures() {
		failed = append(failed, s.ID)
		if s.Do == "" {
			t.Errorf("%s does not say what to do", s.ID)
		}
	}
	if !slices.Equal(failed, want) || r.OK != (len(want) == 0) {
		t.Fatalf("failed: %v, want %v\n%s", failed, want, text(t, r))
	}
	if len(want) > 0 {
		if s := find(t, r, want[0]); !strings.Contains(s.Detail+"\n"+s.Do, says) {
			t.Errorf("%q is not in %+v", says, s)
		}
	}
	for _, s := range r.Steps {
		if s.Status == check.Skipped && s.Detail == "" {
			t.Errorf("%s does not say why it was skipped", s.ID)
		}
	}
}

// certificate is a self-signed certificate for names until a time, and the pool that trusts it.
func certificate(t *testing.T, until time.Time, names ...string) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a test's own"}, NotBefore: until.Add(-90 * 24 * time.Hour), NotAfter: until,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, DNSNames: names,
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
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}, pool
}
