package alipaytest_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fahuo/internal/alipay"
	"fahuo/internal/alipay/alipaytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	partner = "2088000000000001"
	tradeNo = "2014040311001004370000361525"
	isNull  = "PARAMTER_IS_NULL" //nolint:misspell // Alipay's own spelling
)

func credentials() alipay.Credentials {
	return alipay.Credentials{
		Partner: partner, SignType: alipay.MD5, Charset: alipay.UTF8, Key: alipay.NewSecret("abcdefghijklmnopqrstuvwxyz012345"),
	}
}

func start(t *testing.T, change ...func(*alipaytest.Options)) *alipaytest.Server {
	t.Helper()
	o := alipaytest.Options{Accounts: []alipaytest.Account{{Credentials: credentials()}}, AutoTrades: true, Seed: 1}
	for _, f := range change {
		f(&o)
	}
	s, err := alipaytest.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// within is a context that ends long after any of these tests should.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func wait(t *testing.T, g *alipaytest.Gateway, done func(*alipaytest.Gateway) bool) {
	t.Helper()
	if err := g.Wait(within(t), done); err != nil {
		t.Fatalf("the gateway did not get there: %v; arrivals %+v", err, g.Arrivals())
	}
}

// outgoing is a request that a test can spoil before it is sent.
type outgoing struct {
	method, query, body, contentType string
	params                           alipay.Params
}

func shipParams(no string) alipay.Params {
	return alipay.Params{
		"service": alipay.ServiceShip, "partner": partner, "_input_charset": "utf-8", "trade_no": no,
		"logistics_name": "顺丰速运", "invoice_no": "SF1", "transport_type": "EXPRESS",
	}
}

func queryParams(no string) alipay.Params {
	return alipay.Params{"service": alipay.ServiceQuery, "partner": partner, "_input_charset": "utf-8", "trade_no": no}
}

// sign makes a request of parameters, as it ought to be.
func sign(t *testing.T, c alipay.Credentials, params alipay.Params) outgoing {
	t.Helper()
	cs, err := alipay.ParseCharset(params["_input_charset"])
	if err != nil {
		cs = c.Charset
	}
	params = maps.Clone(params)
	s, err := c.Sign(params, cs)
	if err != nil {
		t.Fatal(err)
	}
	params["sign"], params["sign_type"] = s, string(c.SignType)
	body, err := alipay.EncodeForm(params, cs)
	if err != nil {
		t.Fatal(err)
	}
	return outgoing{
		method: http.MethodPost, query: "_input_charset=" + params["_input_charset"], body: string(body),
		contentType: "application/x-www-form-urlencoded", params: params,
	}
}

// reply is what came back over HTTP.
type reply struct {
	status      int
	contentType string
	header      http.Header
	body        []byte
}

func send(ctx context.Context, url string, o outgoing) (reply, error) {
	request, err := http.NewRequestWithContext(ctx, o.method, url+"?"+o.query, strings.NewReader(o.body))
	if err != nil {
		return reply{}, err
	}
	if o.contentType != "" {
		request.Header.Set("Content-Type", o.contentType)
	}
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if err != nil {
		return reply{}, err
	}
	body, err := io.ReadAll(response.Body)
	err = errors.Join(err, response.Body.Close())
	return reply{response.StatusCode, response.Header.Get("Content-Type"), response.Header, body}, err
}

// call sends good parameters and reads the answer as the worker would.
func call(ctx context.Context, t *testing.T, s *alipaytest.Server, params alipay.Params) (alipay.Answer, error) {
	t.Helper()
	c := credentials()
	r, err := send(ctx, s.URL(), sign(t, c, params))
	if err != nil {
		return alipay.Answer{}, err
	}
	if params["service"] == alipay.ServiceQuery {
		return alipay.ParseQueryAnswer(&c, params["trade_no"], r.status, r.contentType, r.body), nil
	}
	return alipay.ParseShipAnswer(&c, params["trade_no"], r.status, r.contentType, r.body), nil
}

func ship(t *testing.T, s *alipaytest.Server, no string) alipay.Answer {
	t.Helper()
	a, err := call(within(t), t, s, shipParams(no))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func query(t *testing.T, s *alipaytest.Server, no string) alipay.Answer {
	t.Helper()
	a, err := call(within(t), t, s, queryParams(no))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func laws(s *alipaytest.Gateway) []alipaytest.Law {
	var all []alipaytest.Law
	for _, b := range s.Breaches() {
		all = append(all, b.Law)
	}
	return all
}
