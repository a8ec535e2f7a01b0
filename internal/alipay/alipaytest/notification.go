package alipaytest

import (
	"crypto"
	"crypto/md5"
	"crypto/rsa"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"

	"fahuo/internal/alipay"
)

// Notice is an asynchronous notification that the gateway is to issue. Nobody is called: whoever issues it posts the
// body to where it is to go.
type Notice struct {
	Partner string        // the account whose key signs
	TradeNo string        // of a trade that need not be known
	Status  string        // empty: the trade's, or that it is shipped
	Refund  string        // refund_status
	ID      string        // empty: a new one
	Charset string        // utf-8, gbk, gb2312 or gb18030; empty: utf-8
	Time    time.Time     // notify_time; zero: now
	Fields  alipay.Params // instead of, or besides, the ordinary fields
}

// Confirmation is what a question about a notification is answered. Its zero value: as it ought to be, true for what was
// issued to the account that asks, false for anything else.
type Confirmation struct {
	Status int    // HTTP; 0: 200
	Body   string // empty, with a Status of 0: as it ought to be
	Hang   bool   // never answered
}

// issued is a notification that the gateway stands by.
type issued struct {
	partner string
	answer  Confirmation
}

// Notify signs a notification and gives its body, as Alipay would post it; from now on the gateway confirms it. Its
// fields are those of a genuine one, a buyer's data among them.
func (g *Gateway) Notify(n Notice) ([]byte, error) {
	account := g.accounts[n.Partner]
	if account == nil {
		return nil, fmt.Errorf("partner %q is not known", n.Partner)
	}
	g.mu.Lock()
	t, known := g.trades[n.TradeNo]
	if n.ID == "" {
		n.ID = fmt.Sprintf("%032x7g", len(g.notices)+1)
	}
	g.mu.Unlock()
	if !known {
		t = Trade{Partner: n.Partner, No: n.TradeNo, Status: statusShipped}.withDefaults(time.Now())
	}
	body, err := signNotification(&account.Credentials, orDefault(n.Charset, "utf-8"), noticeFields(n, t))
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.notices[n.ID] = issued{partner: n.Partner}
	g.changed()
	return body, nil
}

// SetConfirmation decides what questions about a notification are answered from now on: "false", once it is too old.
func (g *Gateway) SetConfirmation(id string, c Confirmation) {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := g.notices[id]
	n.answer = c
	g.notices[id] = n
	g.changed()
}

func noticeFields(n Notice, t Trade) alipay.Params {
	at := n.Time
	if at.IsZero() {
		at = time.Now()
	}
	fields := alipay.Params{
		"buyer_email": "buyer@example.com", "buyer_id": "2088000000000001", "discount": "0.00", "gmt_create": beijingTime(t.CreatedAt),
		"gmt_logistics_modify": beijingTime(at), "gmt_payment": beijingTime(t.CreatedAt), "gmt_send_goods": beijingTime(t.ShippedAt),
		"is_total_fee_adjust": "N", "logistics_fee": "0.00", "logistics_payment": "SELLER_PAY", "logistics_type": "EXPRESS",
		"notify_id": n.ID, "notify_time": beijingTime(at), "notify_type": "trade_status_sync", "out_trade_no": t.OutTradeNo,
		"payment_type": "1", "price": t.TotalFee, "quantity": "1", "receive_address": "上海 上海市 普陀区 某路1号 A座 2101",
		"receive_mobile": "13000000000", "receive_name": "张三", "receive_zip": "200062", "refund_status": n.Refund,
		"seller_email": "seller@example.com", "seller_id": n.Partner, "subject": "测试商品 A+B&C", "total_fee": t.TotalFee, "trade_no": t.No,
		"trade_status": orDefault(n.Status, t.Status), "use_coupon": "N",
	}
	for name, value := range n.Fields {
		fields[name] = value
	}
	return filled(fields)
}

// signNotification is the form that Alipay would post: the bytes of the charset are signed, then percent-encoded.
func signNotification(c *alipay.Credentials, charset string, fields alipay.Params) ([]byte, error) {
	encoded := alipay.Params{}
	form := url.Values{}
	for name, value := range fields {
		raw, err := encodeIn(charset, value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		encoded[name] = string(raw)
		form.Set(name, string(raw))
	}
	sign, err := signBytes(c, []byte(alipay.Presign(encoded)))
	if err != nil {
		return nil, err
	}
	form.Set("sign", sign)
	form.Set("sign_type", string(c.SignType))
	return []byte(form.Encode()), nil
}

// encodeIn is for GB18030 too, in which requests cannot be, but notifications can.
func encodeIn(charset, text string) ([]byte, error) {
	if strings.EqualFold(charset, "gb18030") {
		return simplifiedchinese.GB18030.NewEncoder().Bytes([]byte(text))
	}
	cs, err := alipay.ParseCharset(charset)
	if err != nil {
		return nil, err
	}
	return cs.Encode(text)
}

func signBytes(c *alipay.Credentials, text []byte) (string, error) {
	if c.SignType == alipay.MD5 {
		digest := md5.Sum(append(text, c.Key.Reveal()...))
		return hex.EncodeToString(digest[:]), nil
	}
	if c.PrivateKey == nil {
		return "", errors.New("the gateway has no private key for the account")
	}
	digest := sha1.Sum(text)
	sign, err := rsa.SignPKCS1v15(nil, c.PrivateKey, crypto.SHA1, digest[:])
	return base64.StdEncoding.EncodeToString(sign), err
}

// confirm answers notify_verify: a GET with exactly three parameters, not signed, answered in plain text.
func (g *Gateway) confirm(w http.ResponseWriter, r *http.Request, c *call) {
	pairs, faults := parsePairs(r.URL.RawQuery)
	req := &request{service: alipay.ServiceNotifyVerify, partner: first(pairs, "partner"), params: alipay.Params{}, violations: faults}
	for _, p := range pairs {
		if _, twice := req.params[p.name]; twice || (p.name != "service" && p.name != "partner" && p.name != "notify_id") {
			req.violated(codeArgument, "I3: %s is no parameter of notify_verify, or is there twice", p.name)
		}
		req.params[p.name] = p.value
	}
	if req.partner == "" || req.params["notify_id"] == "" {
		req.violated(codeNull, "G3: partner or notify_id is missing")
	}
	g.mu.Lock()
	c.req = req
	a := &g.arrivals[c.n-1]
	a.Service, a.Partner, a.Params = req.service, req.partner, req.params
	g.judge(c)
	n := g.notices[req.params["notify_id"]]
	g.changed()
	g.mu.Unlock()
	answer := n.answer
	switch {
	case answer.Hang:
		g.hang(c)
		return
	case answer.Body != "" || answer.Status != 0:
	case len(req.violations) > 0:
		answer.Body = "invalid"
	case n.partner != req.partner:
		answer.Body = "false"
	default:
		answer.Body = "true"
	}
	g.settle(c, answer.Body)
	if answer.Status == 0 {
		answer.Status = http.StatusOK
	}
	head(w, "text/plain", answer.Status)
	_, _ = io.WriteString(w, answer.Body) // the caller has gone: nothing to tell it
}
