package alipaytest_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"fahuo/internal/alipay"
	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/shipment"
)

func TestItSaysThatItIsNotAlipay(t *testing.T) {
	t.Parallel()
	s := start(t)
	r, err := send(within(t), strings.TrimSuffix(s.URL(), alipaytest.Path)+"/", outgoing{method: http.MethodGet})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(r.body), "This is not Alipay.") {
		t.Errorf("GET / says %s", r.body)
	}
	r, err = send(within(t), s.URL(), sign(t, credentials(), shipParams(tradeNo)))
	if err != nil || r.header.Get(alipaytest.Header) != alipaytest.HeaderValue {
		t.Errorf("header %v, error %v", r.header, err)
	}
}

func TestTheProductionClient(t *testing.T) {
	t.Parallel()
	mine, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	merchant := alipay.Credentials{Partner: partner, SignType: alipay.RSA, Charset: alipay.GBK, PrivateKey: mine, PublicKey: &theirs.PublicKey}
	gateway := merchant
	gateway.PrivateKey, gateway.PublicKey = theirs, &mine.PublicKey
	s := start(t, func(o *alipaytest.Options) { o.Accounts[0].Credentials = gateway })
	client, err := alipay.NewClient(alipay.Options{Gateway: s.URL()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()

	if a, _, _ := client.Query(within(t), &merchant, tradeNo); a.TradeStatus != "WAIT_SELLER_SEND_GOODS" || !a.Verified {
		t.Errorf("query: %+v", a)
	}
	request, err := client.NewShipRequest(t.Context(), &merchant, shipment.Shipment{
		Partner: partner, TradeNo: tradeNo, LogisticsName: "顺丰速运", InvoiceNo: "SF1", TransportType: "EXPRESS",
	})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := client.Connect(within(t))
	if err != nil {
		t.Fatal(err)
	}
	result := conn.Ship(&merchant, request, alipay.Window{Start: time.Now(), Write: time.Minute, Answer: time.Minute})
	if result.Outcome != alipay.Succeeded || !result.Verified {
		t.Errorf("ship: %+v", result)
	}
	if trade, _ := s.Trade(tradeNo); trade.LogisticsName != "顺丰速运" || trade.TransportType != "EXPRESS" {
		t.Errorf("trade: %+v", trade)
	}
	if b := s.Breaches(); len(b) > 0 {
		t.Errorf("breaches: %v", b)
	}
}

func TestGatewayFailuresDeclareGBK(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := credentials()
	c.Key = alipay.NewSecret("another key")
	r, err := send(within(t), s.URL(), sign(t, c, shipParams(tradeNo)))
	if want := "<?xml version=\"1.0\" encoding=\"GBK\"?>\n<alipay><is_success>F</is_success><error>ILLEGAL_SIGN</error></alipay>"; err != nil || string(r.body) != want {
		t.Errorf("got %q, error %v", r.body, err)
	}
}

func TestCloseLetsGo(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Inject(alipaytest.Fault{TradeNo: number(1), Kind: alipaytest.Hang}, alipaytest.Fault{Kind: alipaytest.LateShip, Delay: time.Hour})
	ended := make(chan error, 2)
	for i := range 2 {
		go func() {
			_, err := call(within(t), t, s, shipParams(number(i+1)))
			ended <- err
		}()
	}
	wait(t, s.Gateway, func(g *alipaytest.Gateway) bool { return g.ShipCalls(number(1))+g.ShipCalls(number(2)) == 2 })
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := <-ended; err == nil {
			t.Error("an answer from a closed gateway")
		}
	}
	if len(s.Arrivals()) != 2 {
		t.Error("the record is gone")
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	g := alipaytest.New(alipaytest.Options{})
	gaveUp := errors.New("gave up")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gaveUp)
	if err := g.Wait(ctx, func(*alipaytest.Gateway) bool { return false }); !errors.Is(err, gaveUp) {
		t.Errorf("error %v", err)
	}
	changed := g.Changed()
	g.PutTrade(alipaytest.Trade{Partner: partner, No: tradeNo})
	<-changed
}

func TestEveryFinishedRequestIsLogged(t *testing.T) {
	t.Parallel()
	events := make(chan alipaytest.Event, 10)
	s := start(t, func(o *alipaytest.Options) { o.Log = func(e alipaytest.Event) { events <- e } })
	ship(t, s, tradeNo)
	ship(t, s, tradeNo)
	if e := <-events; e.Arrival.Answer != "T" || !e.Arrival.Applied || len(e.Breaches) > 0 {
		t.Errorf("first %+v", e)
	}
	if e := <-events; !e.Arrival.Repeat || len(e.Breaches) != 1 {
		t.Errorf("second %+v", e)
	}
}

// control talks to one of the addresses for other processes.
func control(t *testing.T, s *alipaytest.Server, method, path, body string) reply {
	t.Helper()
	r, err := send(within(t), strings.TrimSuffix(s.URL(), alipaytest.Path)+path, outgoing{method: method, body: body, contentType: "application/json"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestControlFromOtherProcesses(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, c := range []struct{ method, path, body string }{
		{"POST", "/_simulator/faults", `{"kind":"hang","times":-1}`},
		{"DELETE", "/_simulator/faults", ""},
		{"POST", "/_simulator/faults", `[{"kind":"retry","trade_no":"` + tradeNo + `","when":"after","delay":"1ms","chance":1,"times":1,"service":"ship","partner":"` + partner + `"}]`},
		{"POST", "/_simulator/trades", `{"partner":"` + partner + `","trade_no":"` + tradeNo + `","status":"COD_WAIT_SELLER_SEND_GOODS"}`},
		{"POST", "/_simulator/refusal", `{"partner":"` + partner + `","code":"ILLEGAL_USER"}`},
		{"POST", "/_simulator/refusal", `{"partner":"` + partner + `","code":""}`},
	} {
		if r := control(t, s, c.method, c.path, c.body); r.status != http.StatusNoContent {
			t.Errorf("%s %s: %d %s", c.method, c.path, r.status, r.body)
		}
	}
	if a := ship(t, s, tradeNo); a.Code != "RETRY" {
		t.Errorf("ship: %+v", a)
	}
	if trade, _ := s.Trade(tradeNo); trade.Status != "COD_WAIT_BUYER_PAY" {
		t.Errorf("trade: %+v", trade)
	}
	ship(t, s, tradeNo)
	var record alipaytest.Record
	r := control(t, s, "GET", "/_simulator/record", "")
	if err := json.Unmarshal(r.body, &record); err != nil {
		t.Fatal(err)
	}
	if len(record.Arrivals) != 2 || record.Arrivals[0].Fault != alipaytest.BusyRetry || record.Arrivals[0].Answer != "RETRY" ||
		!record.Arrivals[1].Repeat || len(record.Breaches) != 1 || record.Breaches[0].Law != alipaytest.AlreadyShipped {
		t.Errorf("record %s", r.body)
	}
	if strings.Contains(string(r.body), "sign") {
		t.Errorf("a signature in the record: %s", r.body)
	}
}

func TestControlRefusesMistakes(t *testing.T) {
	t.Parallel()
	s := start(t)
	for path, bodies := range map[string][]string{
		"/_simulator/faults":  {"", "x", `{}`, `{"kind":"odd"}`, `{"kind":"hang","typo":1}`, `[{"kind":"hang"},{}]`, `{"kind":"slow","delay":"5"}`, `{"kind":"hang","when":"during"}`},
		"/_simulator/trades":  {`{"partner":"` + partner + `"}`, `{"trade_no":"1"}`, `{"no":"1"}`, `[] []`},
		"/_simulator/refusal": {`{"partner":"2088000000000009","code":"X"}`},
	} {
		for _, body := range bodies {
			if r := control(t, s, "POST", path, body); r.status != http.StatusBadRequest || !bytes.Contains(r.body, []byte(`"error"`)) {
				t.Errorf("POST %s %s: %d %s", path, body, r.status, r.body)
			}
		}
	}
	r, err := send(within(t), strings.TrimSuffix(s.URL(), alipaytest.Path)+"/_simulator/faults", outgoing{method: "POST", body: `{"kind":"hang"}`, contentType: "text/plain"})
	if err != nil || r.status != http.StatusUnsupportedMediaType {
		t.Errorf("a form of another site: %d, error %v", r.status, err)
	}
	if a := ship(t, s, tradeNo); !succeeds(a, nil) {
		t.Errorf("something got through: %+v", a)
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *alipaytest.Options) { o.Interval = time.Hour })
	query(t, s, number(1))
	var b bytes.Buffer
	if err := s.Report(&b); err != nil || !strings.Contains(b.String(), "smallest gap  none") || !strings.Contains(b.String(), "broken laws   0") {
		t.Errorf("error %v, report\n%s", err, b.String())
	}
	ship(t, s, number(1))
	ship(t, s, number(2))
	b.Reset()
	if err := s.Report(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"requests      3 (ship 2, query 1, other 0)", "shipped       2", "(arrival 3, partner " + partner, "broken laws   1\n  gap: arrival 3 at "} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}
