package notify_test

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"fahuo/internal/alipay"
	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/notify"
	"fahuo/internal/shipment"
)

// What is genuine is taken, by MD5 and by RSA, in the account's charset, once.
func TestGenuine(t *testing.T) {
	s := set(t)
	s.called(parcel(1))
	body := s.issue(parcel(1), alipaytest.Notice{ID: "a%2Fb+c/d"})
	if got := s.post(body); got != success {
		t.Fatal(got, s.log)
	}
	r := s.row(parcel(1))
	if r.State != shipment.Shipped || r.TradeStatus != "WAIT_BUYER_CONFIRM_GOODS" || r.Doubt {
		t.Fatalf("%+v", r)
	}
	if a := s.gateway.Arrivals(); len(a) != 1 || a[0].Params["notify_id"] != "a%2Fb+c/d" || len(a[0].Params) != 3 || a[0].Partner != partner {
		t.Fatalf("asked: %+v", a)
	}
	// The acknowledgement was lost: it comes again, and Alipay need not be asked, nor would it still stand by it.
	s.gateway.SetConfirmation("a%2Fb+c/d", alipaytest.Confirmation{Body: "false"})
	if got := s.post(body); got != success || s.asked() != 1 || s.row(parcel(1)).Version != r.Version {
		t.Fatal(got, s.asked())
	}
	if s.count(partner, "taken") != 1 || s.count(partner, "again") != 1 || s.counted() != 2 {
		t.Error(s.registry)
	}
	if b := s.gateway.Breaches(); len(b) > 0 {
		t.Error(b)
	}
	s.discreet()
}

// In each charset, by each way of signing, as the account's notify_charset says.
func TestCharsets(t *testing.T) {
	for _, charset := range []string{"utf-8", "gbk", "gb2312", "gb18030"} {
		s := set(t, func(o *notify.Options) {
			accounts := o.Accounts()
			o.Accounts = func() []notify.Account {
				for i := range accounts {
					accounts[i].Charset = charset
				}
				return accounts
			}
		})
		for n, of := range []string{partner, rsaPartner} {
			p := parcel(byte(n + 1))
			p.Partner = of
			s.accept(p)
			body := s.issue(p, alipaytest.Notice{Charset: charset, Status: "TRADE_CLOSED", Fields: alipay.Params{"out_trade_no": "订单 1"}})
			if got := s.post(body); got != success {
				t.Errorf("%s, %s: %v %v", charset, of, got, s.log)
			}
			if r := s.row(p); r.State != shipment.Dead || r.Reason != shipment.ReasonNotShippable || r.TradeStatus != "TRADE_CLOSED" {
				t.Errorf("%s, %s: %+v", charset, of, r)
			}
		}
	}
}

// Nothing that is not wholly right is believed; nobody is asked about it, nothing is recorded, and it is counted.
func TestForged(t *testing.T) {
	s := set(t)
	s.called(parcel(1))
	good := s.issue(parcel(1), alipaytest.Notice{})
	form := func(change func(url.Values)) []byte {
		v, err := url.ParseQuery(string(good))
		s.must(err)
		change(v)
		return []byte(v.Encode())
	}
	set := func(name, value string) []byte { return form(func(v url.Values) { v.Set(name, value) }) }
	for name, c := range map[string]struct {
		body    []byte
		partner string
		result  string
	}{
		"wrong sign":            {set("sign", strings.Repeat("0", 32)), partner, "refused"},
		"no sign":               {form(func(v url.Values) { v.Del("sign") }), partner, "refused"},
		"switched sign type":    {set("sign_type", "RSA"), partner, "refused"},
		"lower-case sign type":  {set("sign_type", "md5"), partner, "refused"},
		"added field":           {set("refund_reason", "none"), partner, "refused"},
		"another status":        {set("trade_status", "TRADE_CLOSED"), partner, "refused"},
		"another trade":         {set("trade_no", parcel(2).TradeNo), partner, "refused"},
		"another account of us": {set("seller_id", rsaPartner), rsaPartner, "refused"},
		"another seller":        {set("seller_id", stranger), "", "foreign"},
		"no seller":             {form(func(v url.Values) { v.Del("seller_id") }), "", "foreign"},
		"a genuine one of another seller": {
			s.issue(parcel(1), alipaytest.Notice{Fields: alipay.Params{"seller_id": "2088900000000077"}}), "", "foreign",
		},
		"a genuine one of another account": {s.issue(parcel(1), alipaytest.Notice{Partner: stranger}), "", "foreign"},
		"a field twice":                    {append(bytes.Clone(good), "&trade_status=TRADE_CLOSED"...), "", "refused"},
		"a hidden field":                   {s.issue(parcel(1), alipaytest.Notice{Fields: alipay.Params{"receive_address": "x&trade_status=TRADE_CLOSED"}}), partner, "refused"},
		"no form":                          {[]byte("<xml/>"), "", "refused"},
		"nothing":                          {nil, "", "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			before := s.count(c.partner, c.result)
			if got := s.post(c.body); got != refused {
				t.Error(got)
			}
			if s.count(c.partner, c.result) != before+1 {
				t.Error("not counted as ", c.result)
			}
		})
	}
	if r := s.row(parcel(1)); r.State != shipment.Queued || s.asked() != 0 {
		t.Errorf("%+v, asked %d times", r, s.asked())
	}
	if notices, err := s.book.Notices(t.Context(), parcel(1).Key()); err != nil || len(notices) != 0 {
		t.Error(notices, err)
	}
	s.discreet()
	if got := s.post(good); got != success {
		t.Error("and the genuine one: ", got)
	}
}

// Of several accounts for which a seller is configured, the key tells whose it is.
func TestTheKeyTellsWhoseItIs(t *testing.T) {
	s := set(t, func(o *notify.Options) {
		accounts := o.Accounts()
		other := *accounts[0].Credentials
		other.Partner, other.Key = stranger, alipay.NewSecret("another-test-key-0123456789abcde")
		accounts = append([]notify.Account{{Credentials: &other, Charset: "utf-8", Sellers: []string{partner, "2088900000000031"}}}, accounts...)
		o.Accounts = func() []notify.Account { return accounts }
	})
	s.called(parcel(1))
	body := s.issue(parcel(1), alipaytest.Notice{Fields: alipay.Params{"seller_id": "2088900000000031"}})
	if got := s.post(body); got != success || s.row(parcel(1)).State != shipment.Shipped || s.count(partner, "taken") != 1 {
		t.Fatal(got, s.log)
	}
	bad := bytes.Replace(s.issue(parcel(1), alipaytest.Notice{}), []byte("sign="), []byte("sign=0"), 1)
	if got := s.post(bad); got != refused || s.count(partner, "refused") != 1 {
		t.Error("it is counted where it was sent: ", got)
	}
}

// Whoever sells through the account is configured.
func TestSellersOfTheAccount(t *testing.T) {
	s := set(t)
	s.called(parcel(1))
	body := s.issue(parcel(1), alipaytest.Notice{Fields: alipay.Params{"seller_id": "2088900000000031"}})
	if got := s.post(body); got != success || s.row(parcel(1)).State != shipment.Shipped {
		t.Fatal(got, s.log)
	}
}

// Only what Alipay stands by when it is asked is believed; where it says nothing clear, the sender is told to come again.
func TestNotifyVerify(t *testing.T) {
	for name, c := range map[string]struct {
		answer alipaytest.Confirmation
		want   answer
		result string
	}{
		"false":      {alipaytest.Confirmation{Body: "false"}, refused, "forged"},
		"invalid":    {alipaytest.Confirmation{Body: "invalid"}, refused, "forged"},
		"TRUE":       {alipaytest.Confirmation{Body: "TRUE"}, later, "unverified"},
		"a line end": {alipaytest.Confirmation{Body: "true\n"}, later, "unverified"},
		"HTML":       {alipaytest.Confirmation{Body: "<html><body>true</body></html>"}, later, "unverified"},
		"500":        {alipaytest.Confirmation{Status: 500, Body: "true"}, later, "unverified"},
		"302":        {alipaytest.Confirmation{Status: 302, Body: "true"}, later, "unverified"},
	} {
		t.Run(name, func(t *testing.T) {
			s := set(t)
			s.called(parcel(1))
			body := s.issue(parcel(1), alipaytest.Notice{ID: "n1"})
			s.gateway.SetConfirmation("n1", c.answer)
			if got := s.post(body); got != c.want || s.count(partner, c.result) != 1 {
				t.Fatal(got, s.log)
			}
			if notices, err := s.book.Notices(t.Context(), parcel(1).Key()); err != nil || len(notices) != 0 || s.row(parcel(1)).State != shipment.Queued {
				t.Fatal("believed: ", notices, err)
			}
			s.gateway.SetConfirmation("n1", alipaytest.Confirmation{})
			if got := s.post(body); got != success || s.row(parcel(1)).State != shipment.Shipped {
				t.Error("and again, when Alipay says true: ", got)
			}
			s.discreet()
		})
	}
}

// While Alipay is silent no more than so many wait for it, and the rest are told to come again.
func TestNotifyVerifyHangs(t *testing.T) {
	s := set(t, func(o *notify.Options) { o.Verifying, o.Wait = 1, 2*time.Second })
	first, second := s.issue(parcel(1), alipaytest.Notice{ID: "n1"}), s.issue(parcel(2), alipaytest.Notice{ID: "n2"})
	s.gateway.SetConfirmation("n1", alipaytest.Confirmation{Hang: true})
	conn, _ := s.dial()
	_, err := conn.Write([]byte("POST " + notify.Path + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + itoa(len(first)) + "\r\n\r\n" + string(first)))
	s.must(err)
	s.must(s.gateway.Wait(t.Context(), func(g *alipaytest.Gateway) bool { return len(g.Arrivals()) == 1 }))
	if got := s.post(second); got != later || s.asked() != 1 {
		t.Errorf("%v, asked %d times", got, s.asked())
	}
	s.must(conn.Close()) // its sender goes away: the question is given up, and the next one is asked
	s.until("the question is given up", func() bool { return s.count(partner, "unverified") == 2 })
	if got := s.post(second); got != success {
		t.Error(got)
	}
}

// Old notifications, rightly signed, do not make us overrun the gateway.
func TestNotifyVerifyIsPaced(t *testing.T) {
	s := set(t, func(o *notify.Options) { o.VerifyEvery, o.Wait = time.Hour, 20*time.Millisecond })
	answers := map[answer]int{}
	for n := range 15 {
		id := "old" + itoa(n)
		body := s.issue(parcel(1), alipaytest.Notice{ID: id})
		s.gateway.SetConfirmation(id, alipaytest.Confirmation{Body: "false"})
		answers[s.post(body)]++
	}
	if s.asked() != 10 || answers[refused] != 10 || answers[later] != 5 {
		t.Errorf("asked %d times: %v", s.asked(), answers)
	}
}

// A trade that nobody has handed over is acknowledged, or it would come again for a day.
func TestUnknownTrade(t *testing.T) {
	s := set(t)
	if got := s.post(s.issue(parcel(1), alipaytest.Notice{})); got != success || s.count(partner, "unknown_trade") != 1 {
		t.Fatal(got, s.log)
	}
	if at, ok, err := (notify.Record{Book: s.book}).Shipped(t.Context(), parcel(1).Key()); !ok || err != nil || time.Since(at) > time.Minute {
		t.Error(at, ok, err)
	}
	if _, ok, err := (notify.Record{Book: s.book}).Shipped(t.Context(), parcel(2).Key()); ok || err != nil {
		t.Error(ok, err)
	}
}

// The same one from many at once counts once.
func TestManyAtOnce(t *testing.T) {
	s := set(t)
	s.called(parcel(1))
	body := s.issue(parcel(1), alipaytest.Notice{})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if got := s.post(body); got != success {
				t.Error(got)
			}
		})
	}
	all.Wait()
	if s.count(partner, "taken") != 1 || s.count(partner, "again") != 7 {
		t.Errorf("taken %v, again %v", s.count(partner, "taken"), s.count(partner, "again"))
	}
	if notices, err := s.book.Notices(t.Context(), parcel(1).Key()); err != nil || len(notices) != 1 {
		t.Error(notices, err)
	}
}

// There is one address, and one way to it.
func TestOnlyOneAddress(t *testing.T) {
	s := set(t)
	for path, want := range map[string]int{"/": 404, "/metrics": 404, "/healthz": 404, notify.Path + "/": 404, "//alipay/notify": 404, "/alipay/../alipay/notify": 404} {
		if status, _, _ := s.request(http.MethodPost, path, nil); status != want {
			t.Errorf("%s: %d", path, status)
		}
	}
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete, http.MethodOptions} {
		if status, header, _ := s.request(method, notify.Path, nil); status != 405 || header.Get("Allow") != "POST" {
			t.Errorf("%s: %d", method, status)
		}
	}
	if families, err := s.registry.Gather(); err != nil || s.counted() != 0 || len(families[0].GetMetric()) != 2+2*7 {
		t.Error("counted, or what alarms watch is not there from the start: ", families, err)
	}
}

// Who has posted something else here by mistake is not sent looking for a seller.
func TestAFormWithoutASellerIsNamed(t *testing.T) {
	s := set(t)
	if got := s.post([]byte("a=b")); got != refused || !strings.Contains(s.log.String(), "no seller_id") {
		t.Error(got, s.log)
	}
}
