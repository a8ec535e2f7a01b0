package alipaytest_test

import (
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"fahuo/internal/alipay"
	"fahuo/internal/alipay/alipaytest"
)

// with is good ship parameters, changed; an empty value takes one away.
func with(changes alipay.Params) alipay.Params {
	p := shipParams(tradeNo)
	maps.Copy(p, changes)
	maps.DeleteFunc(p, func(_, v string) bool { return v == "" })
	return p
}

func TestBadParametersAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		params alipay.Params
		code   string
		detail string
	}{
		"partner unknown":        {with(alipay.Params{"partner": "2088000000000009"}), "ILLEGAL_PARTNER", "A1"},
		"service unknown":        {with(alipay.Params{"service": "create_direct_pay_by_user"}), "ILLEGAL_SERVICE", "service"},
		"service missing":        {with(alipay.Params{"service": ""}), "ILLEGAL_SERVICE", "service"},
		"charset not in body":    {with(alipay.Params{"_input_charset": ""}), "ILLEGAL_CHARSET", "I3"},
		"trade_no missing":       {with(alipay.Params{"trade_no": ""}), isNull, "G3: trade_no"},
		"trade_no malformed":     {with(alipay.Params{"trade_no": "20140403-1"}), "REGEXP_MATCH_FAIL", "G5: trade_no"},
		"no transport type":      {with(alipay.Params{"transport_type": ""}), isNull, "G4"},
		"transport type odd":     {with(alipay.Params{"transport_type": "express"}), "ILLEGAL_ARGUMENT", "G5: transport_type"},
		"logistics_name missing": {with(alipay.Params{"logistics_name": ""}), isNull, "G3: logistics_name"},
		"logistics_name long":    {with(alipay.Params{"logistics_name": strings.Repeat("顺", 65)}), "ILLEGAL_LENGTH", "G5"},
		"invoice_no long":        {with(alipay.Params{"invoice_no": strings.Repeat("1", 33)}), "ILLEGAL_LENGTH", "G5"},
		"ampersand in a value":   {with(alipay.Params{"logistics_name": "A&B"}), "REGEXP_MATCH_FAIL", "logistics_name"},
		"control character":      {with(alipay.Params{"invoice_no": "1\n2"}), "REGEXP_MATCH_FAIL", "invoice_no"},
		"seller_ip":              {with(alipay.Params{"seller_ip": "1.2.3"}), "REGEXP_MATCH_FAIL", "G5: seller_ip"},
		"unknown parameter":      {with(alipay.Params{"notify_url": "http://example.com"}), "ILLEGAL_ARGUMENT", "I3: notify_url"},
		"query without a number": {queryParams(""), isNull, "G4"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused(t, sign(t, credentials(), c.params), c.code, c.detail)
		})
	}
}

// refused sends a request and expects a code, a breach that says why, and no change.
func refused(t *testing.T, o outgoing, code, detail string) {
	t.Helper()
	s := start(t)
	c := credentials()
	r, err := send(within(t), s.URL(), o)
	if err != nil {
		t.Fatal(err)
	}
	a := alipay.ParseShipAnswer(&c, tradeNo, r.status, r.contentType, r.body)
	if a.Code != code || r.status != http.StatusOK {
		t.Errorf("answer %d %+v, want code %s", r.status, a, code)
	}
	b := s.Breaches()
	if len(b) != 1 || b[0].Law != alipaytest.BadRequest || b[0].Code != code || !strings.Contains(b[0].Detail, detail) {
		t.Errorf("breaches %v, want one about %q", b, detail)
	}
	if trade, ok := s.Trade(tradeNo); ok {
		t.Errorf("a bad request made or changed a trade: %+v", trade)
	}
}

func TestBadFormsAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil        func(*outgoing)
		code, detail string
	}{
		"URL without charset": {func(o *outgoing) { o.query = "" }, "ILLEGAL_CHARSET", "I3: the URL carries no"},
		"URL empty charset":   {func(o *outgoing) { o.query = "_input_charset=" }, "ILLEGAL_CHARSET", "I3: the URL carries no"},
		"URL carries more":    {func(o *outgoing) { o.query += "&service=" + alipay.ServiceShip }, "ILLEGAL_ARGUMENT", "I3: the URL of a POST"},
		"URL carries it all":  {func(o *outgoing) { o.query = o.body }, "ILLEGAL_ARGUMENT", "I3"},
		"URL charset other":   {func(o *outgoing) { o.query = "_input_charset=gbk" }, "ILLEGAL_CHARSET", "announces"},
		"URL charset unknown": {func(o *outgoing) { o.query = "_input_charset=latin1" }, "ILLEGAL_CHARSET", "latin1"},
		"content type":        {func(o *outgoing) { o.contentType = "text/plain" }, "ILLEGAL_ARGUMENT", "content type"},
		"no content type":     {func(o *outgoing) { o.contentType = "" }, "ILLEGAL_ARGUMENT", "content type"},
		"method":              {func(o *outgoing) { o.method = http.MethodPut }, "ILLEGAL_ARGUMENT", "I4"},
		"GET with a body":     {func(o *outgoing) { o.method, o.query = http.MethodGet, o.body }, "ILLEGAL_ARGUMENT", "I4"},
		"empty parameter":     {func(o *outgoing) { o.body += "&seller_ip=" }, "ILLEGAL_ARGUMENT", "G2: seller_ip"},
		"twice":               {func(o *outgoing) { o.body += "&trade_no=" + tradeNo }, "ILLEGAL_ARGUMENT", "trade_no is there twice"},
		"not percent-encoded": {func(o *outgoing) { o.body += "&seller_ip=%zz" }, "ILLEGAL_ENCODING", "seller_ip"},
		"no equals sign":      {func(o *outgoing) { o.body += "&seller_ip" }, "ILLEGAL_ARGUMENT", "name=value"},
		"not utf-8":           {func(o *outgoing) { o.body = strings.Replace(o.body, "%E9%A1%BA", "%FF%B3", 1) }, "ILLEGAL_ENCODING", "logistics_name"},
		"not signed":          {func(o *outgoing) { o.drop("sign") }, "ILLEGAL_SIGN", "I2: sign is missing"},
		"no sign type":        {func(o *outgoing) { o.drop("sign_type") }, "ILLEGAL_SIGN_TYPE", "I2: sign_type"},
		"sign type":           {func(o *outgoing) { o.body = strings.Replace(o.body, "=MD5", "=RSA", 1) }, "ILLEGAL_SIGN_TYPE", "RSA"},
		"sign type small":     {func(o *outgoing) { o.body = strings.Replace(o.body, "=MD5", "=md5", 1) }, "ILLEGAL_SIGN_TYPE", "md5"},
		"tampered":            {func(o *outgoing) { o.body = strings.Replace(o.body, "=SF1", "=SF2", 1) }, "ILLEGAL_SIGN", "G1"},
		"too long":            {func(o *outgoing) { o.body += "&seller_ip=" + strings.Repeat("1", 70_000) }, "ILLEGAL_LENGTH", "longer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := sign(t, credentials(), shipParams(tradeNo))
			c.spoil(&o)
			refused(t, o, c.code, c.detail)
		})
	}
}

// drop takes a parameter out of the body.
func (o *outgoing) drop(name string) {
	values, err := url.ParseQuery(o.body)
	if err != nil {
		panic(err)
	}
	values.Del(name)
	o.body = values.Encode()
}

func TestAWrongKeyIsRefused(t *testing.T) {
	t.Parallel()
	c := credentials()
	c.Key = alipay.NewSecret("another key")
	refused(t, sign(t, c, shipParams(tradeNo)), "ILLEGAL_SIGN", "G1")
}

func TestGoodRequests(t *testing.T) {
	t.Parallel()
	get := sign(t, credentials(), shipParams(tradeNo))
	get.method, get.query, get.body, get.contentType = http.MethodGet, get.body, "", ""
	for name, o := range map[string]outgoing{
		"post":    sign(t, credentials(), shipParams(tradeNo)),
		"get":     get,
		"charset": sign(t, credentials(), with(alipay.Params{"_input_charset": "gbk"})),
		"gb2312":  sign(t, credentials(), with(alipay.Params{"_input_charset": "gb2312"})),
		"direct":  sign(t, credentials(), with(alipay.Params{"transport_type": "DIRECT", "logistics_name": ""})),
		"create":  sign(t, credentials(), with(alipay.Params{"transport_type": "", "create_transport_type": "EMS"})),
		"ip":      sign(t, credentials(), with(alipay.Params{"seller_ip": "192.0.2.1"})),
		"old no":  sign(t, credentials(), with(alipay.Params{"trade_no": tradeNo, "invoice_no": ""})),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			c := credentials()
			r, err := send(within(t), s.URL(), o)
			if err != nil {
				t.Fatal(err)
			}
			if a := alipay.ParseShipAnswer(&c, tradeNo, r.status, r.contentType, r.body); !succeeds(a, nil) {
				t.Errorf("%+v\n%s", a, r.body)
			}
			if b := s.Breaches(); len(b) > 0 {
				t.Errorf("breaches: %v", b)
			}
		})
	}
}

// A client that is killed while it writes breaks no law.
func TestAnIncompleteRequestIsNoBreach(t *testing.T) {
	t.Parallel()
	s := start(t)
	conn, err := (&net.Dialer{}).DialContext(within(t), "tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte("POST /gateway.do?_input_charset=utf-8 HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nservice=")); err != nil {
		t.Fatal(err)
	}
	wait(t, s.Gateway, func(g *alipaytest.Gateway) bool { return len(g.Arrivals()) == 1 })
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	wait(t, s.Gateway, func(g *alipaytest.Gateway) bool { return g.Arrivals()[0].Gone })
	if a, b := s.Arrivals()[0], s.Breaches(); a.Service != "" || len(b) > 0 {
		t.Errorf("arrival %+v, breaches %v", a, b)
	}
}
