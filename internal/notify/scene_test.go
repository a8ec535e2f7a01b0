package notify_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"fahuo/internal/alipay"
	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/ledger"
	"fahuo/internal/notify"
	"fahuo/internal/shipment"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	partner    = "2088900000000001"
	rsaPartner = "2088900000000002"
	stranger   = "2088900000000009"                 // known to the gateway, and no account of ours
	testKey    = "notify-test-key-0123456789abcdef" // a test key
)

// scene is a receiver with everything around it real: the simulated gateway, a ledger in a file, connections.
type scene struct {
	t        testing.TB
	gateway  *alipaytest.Server
	book     *ledger.Ledger
	options  notify.Options
	registry *prometheus.Registry
	server   *notify.Server
	log      *logbook
}

// logbook is a log that may be read while it is written.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logbook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// keys are the merchant's and the gateway's pair.
var keys = sync.OnceValues(func() (pair [2]*rsa.PrivateKey, err error) {
	for i := range pair {
		key, err := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // a throw-away key
		if err != nil {
			return pair, err
		}
		pair[i] = key
	}
	return pair, nil
})

// set starts a scene; adjust may change what the receiver is made of.
func set(t testing.TB, adjust ...func(*notify.Options)) *scene {
	t.Helper()
	pair, err := keys()
	if err != nil {
		t.Fatal(err)
	}
	byMD5 := alipay.Credentials{Partner: partner, SignType: alipay.MD5, Charset: alipay.UTF8, Key: alipay.NewSecret(testKey)}
	byRSA := alipay.Credentials{Partner: rsaPartner, SignType: alipay.RSA, Charset: alipay.GBK, PrivateKey: pair[0], PublicKey: &pair[1].PublicKey}
	mirrored := byRSA
	mirrored.PrivateKey, mirrored.PublicKey = pair[1], &pair[0].PublicKey
	other := byMD5
	other.Partner = stranger
	s := &scene{t: t, registry: prometheus.NewRegistry(), log: &logbook{}}
	s.gateway, err = alipaytest.Start(alipaytest.Options{Accounts: []alipaytest.Account{{Credentials: byMD5}, {Credentials: mirrored}, {Credentials: other}}})
	s.must(err)
	t.Cleanup(func() { s.must(s.gateway.Close()) })
	client, err := alipay.NewClient(alipay.Options{Gateway: s.gateway.URL()})
	s.must(err)
	t.Cleanup(client.Close)
	s.book, err = ledger.Open(context.Background(), "sqlite:"+filepath.Join(t.TempDir(), "fahuo.db"))
	s.must(err)
	t.Cleanup(func() { s.must(s.book.Close()) })
	s.must(s.book.Announce(context.Background(), []ledger.Account{{Partner: partner, Interval: time.Second}, {Partner: rsaPartner, Interval: time.Second}}))
	s.options = notify.Options{
		Accounts: func() []notify.Account {
			return []notify.Account{
				{Credentials: &byMD5, Charset: "utf-8", Sellers: []string{"2088900000000031"}},
				{Credentials: &byRSA, Charset: "gbk"},
			}
		},
		Gateway: client, Book: func() notify.Book { return s.book }, Name: "w1", Log: zerolog.New(s.log), Metrics: s.registry,
		VerifyEvery: time.Millisecond,
	}
	for _, f := range adjust {
		f(&s.options)
	}
	receiver, err := notify.New(s.options)
	s.must(err)
	s.server, err = receiver.Listen(context.Background(), "127.0.0.1:0")
	s.must(err)
	t.Cleanup(func() { s.must(s.server.Stop()) })
	return s
}

func (s *scene) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func parcel(n byte) shipment.Shipment {
	return shipment.Shipment{
		Partner: partner, TradeNo: "202611230000100100000000000" + string('0'+n), LogisticsName: "顺丰速运", InvoiceNo: "SF1",
		TransportType: shipment.TransportExpress,
	}
}

func (s *scene) accept(all ...shipment.Shipment) {
	s.t.Helper()
	_, err := s.book.Accept(context.Background(), all, ledger.AcceptOptions{})
	s.must(err)
}

func (s *scene) row(p shipment.Shipment) ledger.Row {
	s.t.Helper()
	r, err := s.book.Get(context.Background(), p.Key())
	s.must(err)
	return r
}

// called is a shipment whose call was begun and taken over: in doubt.
func (s *scene) called(p shipment.Shipment) ledger.Row {
	s.t.Helper()
	begun := s.begun(p, 0)
	r, err := s.book.TakeOver(context.Background(), begun, 0, "w0", false)
	s.must(err)
	return r
}

// begun is a shipment whose call is under way.
func (s *scene) begun(p shipment.Shipment, fence time.Duration) ledger.Row {
	s.t.Helper()
	s.accept(p)
	r, err := s.book.Begin(context.Background(), s.row(p), ledger.Attempt{Service: alipay.ServiceShip, Worker: "w0", Params: "{}", Fence: fence})
	s.must(err)
	return r
}

// issue has the gateway sign a notification about a parcel.
func (s *scene) issue(p shipment.Shipment, n alipaytest.Notice) []byte {
	s.t.Helper()
	if n.Partner == "" {
		n.Partner = p.Partner
	}
	n.TradeNo = p.TradeNo
	body, err := s.gateway.Notify(n)
	s.must(err)
	return body
}

// answer is what came back.
type answer struct {
	status int
	body   string
}

var (
	success = answer{200, "success"}
	refused = answer{400, "fail"}
	later   = answer{503, "fail"}
)

// post sends a body as Alipay does.
func (s *scene) post(body []byte) answer {
	s.t.Helper()
	status, header, text := s.request(http.MethodPost, notify.Path, body)
	if mime := header.Get("Content-Type"); mime != "text/plain" {
		s.t.Errorf("content type %q", mime)
	}
	return answer{status, text}
}

func (s *scene) request(method, path string, body []byte) (int, http.Header, string) {
	s.t.Helper()
	request, err := http.NewRequestWithContext(context.Background(), method, "http://"+s.server.Addr()+path, bytes.NewReader(body))
	s.must(err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded; text/html; charset=utf-8") // as it was seen
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := (&http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(request)
	s.must(err)
	raw, err := io.ReadAll(response.Body)
	s.must(errors.Join(err, response.Body.Close()))
	return response.StatusCode, response.Header, string(raw)
}

// dial is a raw connection to the receiver.
func (s *scene) dial() (net.Conn, *bufio.Reader) {
	s.t.Helper()
	conn, err := new(net.Dialer).DialContext(context.Background(), "tcp", s.server.Addr())
	s.must(err)
	s.t.Cleanup(func() { _ = conn.Close() })
	s.must(conn.SetDeadline(time.Now().Add(time.Minute)))
	return conn, bufio.NewReader(conn)
}

// until waits for what is no doing of the gateway's.
func (s *scene) until(what string, done func() bool) {
	s.t.Helper()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for late := time.After(time.Minute); !done(); {
		select {
		case <-look.C:
		case <-late:
			s.t.Fatal("in vain: " + what)
		}
	}
}

// count is a value of the metric.
func (s *scene) count(of, result string) float64 {
	s.t.Helper()
	families, err := s.registry.Gather()
	s.must(err)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			if f.GetName() == "fahuo_notifications_total" && labels["partner"] == of && labels["result"] == result {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

// counted is all that was counted.
func (s *scene) counted() (all float64) {
	s.t.Helper()
	families, err := s.registry.Gather()
	s.must(err)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			all += m.GetCounter().GetValue()
		}
	}
	return all
}

// asked is how often the gateway was asked about a notification.
func (s *scene) asked() (n int) {
	for _, a := range s.gateway.Arrivals() {
		if a.Service == alipay.ServiceNotifyVerify {
			n++
		}
	}
	return n
}

// discreet fails when a buyer's data or a key is in the log, in the ledger or among the labels.
func (s *scene) discreet() {
	s.t.Helper()
	families, err := s.registry.Gather()
	s.must(err)
	text := s.log.String()
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, label := range m.GetLabel() { // not all of it: the nanoseconds of its making have any digits
				text += label.GetName() + "=" + label.GetValue() + " "
			}
		}
	}
	for _, no := range []byte{1, 2, 3} {
		notices, err := s.book.Notices(context.Background(), parcel(no).Key())
		s.must(err)
		lines, err := s.book.History(context.Background(), parcel(no).Key())
		s.must(err)
		for _, n := range notices {
			text += n.ID + n.Type + n.TradeStatus + n.RefundStatus
		}
		for _, l := range lines {
			text += l.Detail
		}
	}
	for _, secret := range []string{testKey, "13000000000", "张三", "普陀区", "buyer@example.com", "200062", "sign="} {
		if strings.Contains(text, secret) {
			s.t.Errorf("%q is shown: %s", secret, text)
		}
	}
}
