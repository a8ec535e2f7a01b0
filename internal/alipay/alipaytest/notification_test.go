package alipaytest_test

import (
	"io"
	"net/http"
	"net/url"
	"testing"

	"fahuo/internal/alipay"
	"fahuo/internal/alipay/alipaytest"
)

// asked puts notify_verify to the gateway and gives the answer.
func asked(t *testing.T, s *alipaytest.Server, query string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(within(t), http.MethodGet, s.URL()+"?"+query, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(raw)
}

func question(id, partner string) string {
	return url.Values{"service": {"notify_verify"}, "partner": {partner}, "notify_id": {id}}.Encode()
}

// What was issued verifies by the production parser in every charset, and is confirmed to its account alone.
func TestNotifications(t *testing.T) {
	s := start(t)
	c := credentials()
	for _, charset := range []string{"utf-8", "gbk", "gb2312", "gb18030"} {
		id := "id%2F" + charset
		body, err := s.Notify(alipaytest.Notice{Partner: partner, TradeNo: tradeNo, ID: id, Charset: charset})
		if err != nil {
			t.Fatal(err)
		}
		n, err := alipay.ParseNotification(&c, charset, nil, body)
		if err != nil || n.ID != id || n.TradeNo != tradeNo || n.TradeStatus != "WAIT_BUYER_CONFIRM_GOODS" || n.Time.IsZero() {
			t.Errorf("%s: %+v %v", charset, n, err)
		}
		if status, body := asked(t, s, question(id, partner)); status != 200 || body != "true" {
			t.Errorf("%s: %d %q", charset, status, body)
		}
		if _, body := asked(t, s, question(id, "2088000000000009")); body != "false" {
			t.Errorf("%s, another account: %q", charset, body)
		}
	}
	if _, body := asked(t, s, question("nobody's", partner)); body != "false" {
		t.Errorf("%q", body)
	}
	if breaches := s.Breaches(); len(breaches) != 0 {
		t.Fatalf("asking is no broken law: %+v", breaches)
	}
	if _, body := asked(t, s, question("x", partner)+"&sign=1"); body != "invalid" || len(s.Breaches()) != 1 {
		t.Errorf("one parameter too many: %q %+v", body, s.Breaches())
	}
	if a := s.Arrivals()[0]; a.Service != alipay.ServiceNotifyVerify || a.Params["notify_id"] != "id%2Futf-8" || a.Answer != "true" || a.Ship() {
		t.Errorf("%+v", a)
	}
}

func TestConfirmationsOnDemand(t *testing.T) {
	s := start(t)
	if _, err := s.Notify(alipaytest.Notice{Partner: partner, TradeNo: tradeNo, ID: "x"}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []alipaytest.Confirmation{{Body: "false"}, {Body: "TRUE"}, {Status: 500}, {Status: 502, Body: "<html>"}} {
		s.SetConfirmation("x", c)
		if status, body := asked(t, s, question("x", partner)); body != c.Body || (c.Status != 0 && status != c.Status) {
			t.Errorf("%+v: %d %q", c, status, body)
		}
	}
	s.SetConfirmation("x", alipaytest.Confirmation{})
	if _, body := asked(t, s, question("x", partner)); body != "true" {
		t.Error(body)
	}
	if _, err := s.Notify(alipaytest.Notice{Partner: "2088000000000009", TradeNo: tradeNo}); err == nil {
		t.Error("signed for an account that nobody knows")
	}
}
