package alipay

import (
	"bytes"
	"maps"
	"net/url"
	"strings"
	"testing"
	"time"
)

// The notifications of testdata, by the credentials under which they verify.
var notifications = []struct {
	file, charset string
	rsa           bool
}{
	{"notify_wait_send_md5_utf8.txt", "utf-8", false},
	{"notify_wait_send_md5_gbk.txt", "gbk", false},
	{"notify_wait_send_rsa_utf8.txt", "UTF-8", true},
}

// notified is the account to which the samples are addressed.
func notified(t testing.TB, file string, rsa bool) *Credentials {
	t.Helper()
	c := testCredentials()
	if rsa {
		c = rsaOf(t, file)
	}
	c.Partner = "2088000000000000"
	return c
}

// sampleFields are the fields of a genuine notification, for tests that sign their own.
func sampleFields(t testing.TB) Params {
	t.Helper()
	p, err := parseForm(sampleDocument(t, "notify_wait_send_md5_utf8.txt"))
	if err != nil {
		t.Fatal(err)
	}
	delete(p, "sign")
	return p
}

// signedForm is a body as Alipay would sign it: p with sign, each value encoded as it stands.
func signedForm(t testing.TB, c *Credentials, p Params) string {
	t.Helper()
	form := url.Values{"sign": {c.md5([]byte(Presign(p)))}, "sign_type": {"MD5"}}
	for name, value := range p {
		if name != "sign" && name != "sign_type" {
			form.Set(name, value)
		}
	}
	return form.Encode()
}

var wanted = Notification{
	ID: "68f8fc4ad42a4ade7f9b0fa84be1bdae7g", Type: "trade_status_sync", Time: time.Date(2015, 5, 19, 1, 20, 36, 0, time.UTC),
	TradeNo: tradeNo, OutTradeNo: "ORDER-1", TradeStatus: "WAIT_SELLER_SEND_GOODS",
}

// equal compares with times as instants.
func (n Notification) equal(other Notification) bool {
	same := n.Time.Equal(other.Time)
	n.Time, other.Time = time.Time{}, time.Time{}
	return same && n == other
}

func TestNotifications(t *testing.T) {
	for _, n := range notifications {
		c, body := notified(t, n.file, n.rsa), sampleDocument(t, n.file)
		got, err := ParseNotification(c, n.charset, nil, body)
		if err != nil || !got.equal(wanted) {
			t.Fatalf("%s: %+v, %v", n.file, got, err)
		}
		if StateOf(got.TradeStatus) != Shippable {
			t.Errorf("%s: %v", n.file, StateOf(got.TradeStatus))
		}
		// Another key, another way of signing, another account: not for us.
		other, otherWay, otherAccount := *c, *c, *c
		other.Key, other.PublicKey = NewSecret("another"), nil
		otherWay.SignType = map[SignType]SignType{MD5: RSA, RSA: MD5}[c.SignType]
		otherAccount.Partner = "2088000000000009"
		for what, c := range map[string]*Credentials{"another key": &other, "another way of signing": &otherWay, "another account": &otherAccount} {
			if got, err := ParseNotification(c, n.charset, []string{"", "2088000000000008"}, body); err == nil || got != (Notification{}) {
				t.Errorf("%s by %s: %+v", n.file, what, got)
			}
		}
		if _, err := ParseNotification(&otherAccount, n.charset, []string{"2088000000000000"}, body); err != nil {
			t.Errorf("%s to a seller of the account: %v", n.file, err)
		}
	}
}

// The account's own key signs; what stands in the body does not choose how it is verified.
func TestNotificationWithoutAKeyNeverVerifies(t *testing.T) {
	fields := sampleFields(t)
	for _, c := range []*Credentials{{SignType: MD5}, {SignType: RSA}, {}} {
		c.Partner = "2088000000000000"
		for _, signType := range []string{"MD5", "RSA", "md5", ""} {
			body := strings.Replace(signedForm(t, c, fields), "sign_type=MD5", "sign_type="+signType, 1)
			if got, err := ParseNotification(c, "utf-8", nil, []byte(body)); err == nil {
				t.Errorf("%q with sign_type %q: %+v", c.SignType, signType, got)
			}
		}
	}
}

// Every byte of a body counts: changed, it is not the same notification, or is one with the same content.
func TestATamperedNotificationDoesNotVerify(t *testing.T) {
	for _, n := range notifications {
		c, body := notified(t, n.file, n.rsa), sampleDocument(t, n.file)
		want, err := parseForm(body)
		if err != nil {
			t.Fatal(err)
		}
		for i := range body {
			changed := bytes.Clone(body)
			changed[i] ^= 1
			if got, err := ParseNotification(c, n.charset, nil, changed); err == nil {
				if fields, _ := parseForm(changed); Presign(fields) != Presign(want) {
					t.Fatalf("%s with byte %d changed: %+v", n.file, i, got)
				}
			}
		}
		for _, tail := range []string{"&extra=1", "&refund_status=REFUND_SUCCESS", "&sign=x", "&trade_status=TRADE_CLOSED"} {
			if _, err := ParseNotification(c, n.charset, nil, append(bytes.Clone(body), tail...)); err == nil {
				t.Errorf("%s with %s verifies", n.file, tail)
			}
		}
		if _, err := ParseNotification(c, n.charset, nil, append(bytes.Clone(body), "&empty="...)); err != nil {
			t.Errorf("%s: an empty field was not signed: %v", n.file, err)
		}
	}
}

func TestNotificationForms(t *testing.T) {
	c := notified(t, "", false)
	with := func(change func(p Params)) string {
		p := sampleFields(t)
		change(p)
		return signedForm(t, c, p)
	}
	good := with(func(Params) {})
	for name, b := range map[string]struct{ body, says string }{
		"nothing":              {"", "not a form"},
		"no pairs":             {"hello", "not a form"},
		"a broken escape":      {strings.Replace(good, "quantity=1", "quantity=%zz", 1), "not a form"},
		"half an escape":       {good + "&x=%4", "not a form"},
		"a name with =":        {good + "&a%3Db=1", "not a form"},
		"a name with NUL":      {good + "&a%00b=1", "not a form"},
		"no name":              {good + "&=1", "not a form"},
		"a pair without =":     {good + "&x", "not a form"},
		"an empty pair":        {good + "&", "not a form"},
		"a line end":           {good + "\n", "wrong"},
		"a field twice":        {good + "&trade_no=1", "trade_no twice"},
		"twice, once escaped":  {good + "&trade%5Fno=1", "trade_no twice"},
		"empty, then a value":  {"refund_status=&" + good + "&refund_status=X", "refund_status twice"},
		"sign twice":           {good + "&sign=0", "sign twice"},
		"huge":                 {good + "&x=" + strings.Repeat("y", MaxNotification), "longer than"},
		"no sign":              {strings.Replace(good, "&sign=", "&sing=", 1), "wrong"},
		"no sign_type":         {strings.Replace(good, "&sign_type=", "&kind=", 1), "configured is MD5"},
		"lower-case sign type": {strings.Replace(good, "=MD5", "=md5", 1), "configured is MD5"},
		"no notify_id":         {with(func(p Params) { delete(p, "notify_id") }), "lacks"},
		"an empty trade_no":    {with(func(p Params) { p["trade_no"] = "" }), "lacks"},
		"no status":            {with(func(p Params) { delete(p, "trade_status") }), "lacks"},
		"no seller":            {with(func(p Params) { delete(p, "seller_id") }), "seller_id"},
		"another charset":      {with(func(p Params) { p["out_trade_no"] = "\xb2\xe2" }), "out_trade_no is not text in utf-8"},
		"an id without end":    {with(func(p Params) { p["notify_id"] = strings.Repeat("x", 257) }), "notify_id is longer than 256"},
		"a control character":  {with(func(p Params) { p["notify_id"] = "a\x00b" }), "notify_id is not text"},
		"a field in another":   {with(func(p Params) { p["receive_address"] = "road 1&refund_status=REFUND_SUCCESS" }), "two ways"},
	} {
		got, err := ParseNotification(c, "utf-8", nil, []byte(b.body))
		if err == nil || got != (Notification{}) || !strings.Contains(err.Error(), b.says) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for name, b := range map[string]struct {
		body string
		want func(n *Notification)
	}{
		"as it is":             {good, func(*Notification) {}},
		"an id with %2F":       {with(func(p Params) { p["notify_id"] = "a%2Fb+c/d" }), func(n *Notification) { n.ID = "a%2Fb+c/d" }},
		"milliseconds":         {with(func(p Params) { p["notify_time"] = "2015-05-19 09:20:36.123" }), func(n *Notification) { n.Time = n.Time.Add(123 * time.Millisecond) }},
		"another time":         {with(func(p Params) { p["notify_time"] = "yesterday" }), func(n *Notification) { n.Time = time.Time{} }},
		"no time":              {with(func(p Params) { delete(p, "notify_time") }), func(n *Notification) { n.Time = time.Time{} }},
		"a refund":             {with(func(p Params) { p["refund_status"] = "WAIT_SELLER_AGREE" }), func(n *Notification) { n.RefundStatus = "WAIT_SELLER_AGREE" }},
		"another type":         {with(func(p Params) { p["notify_type"] = "other" }), func(n *Notification) { n.Type = "other" }},
		"a status of its own":  {with(func(p Params) { p["trade_status"] = "NEW_ONE" }), func(n *Notification) { n.TradeStatus = "NEW_ONE" }},
		"a Chinese order":      {with(func(p Params) { p["out_trade_no"] = "订单 1" }), func(n *Notification) { n.OutTradeNo = "订单 1" }},
		"a subject cut off":    {with(func(p Params) { p["subject"] = "测\xe8" }), func(*Notification) {}},
		"a space as %20":       {strings.ReplaceAll(good, "+", "%20"), func(*Notification) {}},
		"lower-case escapes":   {strings.ReplaceAll(good, "%3A", "%3a"), func(*Notification) {}},
		"an ampersand, signed": {with(func(p Params) { p["subject"] = "A&B=C" }), func(*Notification) {}},
	} {
		want := wanted
		b.want(&want)
		if got, err := ParseNotification(c, "utf-8", nil, []byte(b.body)); err != nil || !got.equal(want) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// The wire's bytes are what was signed, in each charset; an unknown charset is refused.
func TestNotificationCharsets(t *testing.T) {
	c := notified(t, "", false)
	for _, charset := range []string{"utf-8", "UTF8", "gbk", "gb2312", " GB18030 "} {
		p := maps.Clone(sampleFields(t))
		raw, err := encodeAnswer(charset, "订单")
		if err != nil {
			t.Fatal(err)
		}
		p["out_trade_no"] = string(raw)
		if got, err := ParseNotification(c, charset, nil, []byte(signedForm(t, c, p))); err != nil || got.OutTradeNo != "订单" {
			t.Errorf("%s: %+v, %v", charset, got, err)
		}
	}
	for _, charset := range []string{"", "big5", "iso-8859-1"} {
		if _, err := ParseNotification(c, charset, nil, []byte(signedForm(t, c, sampleFields(t)))); err == nil {
			t.Errorf("charset %q is taken", charset)
		}
	}
}

// Whatever comes in, no error shows a value of it, nor the key.
func TestNotificationErrorsShowNothingPersonal(t *testing.T) {
	for _, n := range notifications {
		c, body := notified(t, n.file, n.rsa), string(sampleDocument(t, n.file))
		for _, change := range []string{body + "&receive_name=x", strings.Replace(body, "sign=", "sign=0", 1), body + "&%zz=1", strings.Replace(body, "13000000000", "13900000000", 1)} {
			_, err := ParseNotification(c, n.charset, nil, []byte(change))
			if err == nil {
				t.Fatal("accepted")
			}
			for _, secret := range []string{"buyer@example.com", "13000000000", "13900000000", "张三", "2101", testKey, "3305e1cc"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("%s: the error shows %q: %v", n.file, secret, err)
				}
			}
		}
	}
}

// FuzzParseNotification changes genuine notifications: whatever verifies has the signed content of one of
// them and says the same, by MD5 and by RSA, and no body makes it panic or talk.
func FuzzParseNotification(f *testing.F) {
	genuine := map[string]bool{}
	var accounts []*Credentials
	for _, n := range notifications {
		body := sampleDocument(f, n.file)
		fields, err := parseForm(body)
		if err != nil {
			f.Fatal(err)
		}
		genuine[Presign(fields)] = true
		accounts = append(accounts, notified(f, n.file, n.rsa))
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for i, n := range notifications {
			got, err := ParseNotification(accounts[i], n.charset, nil, body)
			if err != nil {
				if got != (Notification{}) || len(err.Error()) > maxError || strings.Contains(err.Error(), testKey) {
					t.Fatalf("%+v with error %v", got, err)
				}
				continue
			}
			fields, err := parseForm(body)
			if err != nil || !genuine[Presign(fields)] || !got.equal(wanted) {
				t.Fatalf("verified, and nobody signed it: %+v", got)
			}
		}
	})
}
