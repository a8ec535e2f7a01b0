package alipay

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"fahuo/internal/beijing"
)

// MaxNotification bounds a notification's body in bytes; those that were published have less than two
// thousand.
const MaxNotification = 64 << 10

// maxNotified bounds each field of a notification that is kept, in bytes: its id has 34 letters and digits as a rule.
const maxNotified = 256

// Notification is what is kept of an asynchronous notification: what it says of the trade. The buyer's
// name, address and telephone, which Alipay sends along, are verified and let go (R3).
type Notification struct {
	ID           string    // notify_id; may hold a literal %2F. The same one comes until it is answered
	Type         string    // notify_type: trade_status_sync
	Time         time.Time // notify_time, which is Beijing's; zero: not in the documented form
	TradeNo      string
	OutTradeNo   string
	TradeStatus  string // as it came; see StateOf
	RefundStatus string
}

// notificationFields are the fields that count: none may be read out of, or into, another. See ambiguous.
var notificationFields = []string{
	"notify_id", "notify_type", "notify_time", "trade_no", "out_trade_no", "trade_status", "refund_status", "seller_id",
}

// ParseNotifyCharset reads the name of the charset in which an account's trades are created, and so its
// notifications come: utf-8, gbk, gb2312 or gb18030, in any case.
func ParseNotifyCharset(name string) (string, error) {
	switch s := strings.ToLower(strings.TrimSpace(name)); s {
	case "utf-8", "gbk", "gb2312", "gb18030":
		return s, nil
	case "utf8":
		return "utf-8", nil
	}
	return "", fmt.Errorf("notify charset %q is not one of utf-8, gbk, gb2312, gb18030", clip(name, 20))
}

// ParseNotification reads the body of an asynchronous notification, as it came, and verifies that Alipay
// signed it for this account: by the configured way of signing alone, since sign_type is not signed, over
// every field received but sign, sign_type and empty ones, decoded once (G1, G2; Alipay's demo, run on two
// genuine RSA notifications). It was sent to the partner itself or to one of sellers. An error shows names
// of fields and no values: whoever finds the address can send anything.
//
// A right signature proves who wrote it, not that it is new: the same body verifies again. Whether Alipay
// sent it now is asked with notify_verify.
func ParseNotification(c *Credentials, charset string, sellers []string, body []byte) (Notification, error) {
	charset, err := ParseNotifyCharset(charset)
	if err != nil {
		return Notification{}, err
	}
	raw, err := parseForm(body)
	if err != nil {
		return Notification{}, err
	}
	// The bytes that were signed are the bytes that came. Decoding and encoding them anew could lose
	// one, of a subject that Alipay cut off inside a character, say.
	if err := c.verifyText([]byte(Presign(raw)), raw["sign_type"], raw["sign"]); err != nil {
		return Notification{}, err
	}
	if err := ambiguous(raw); err != nil {
		return Notification{}, err
	}
	if seller := raw["seller_id"]; seller == "" || (seller != c.Partner && !slices.Contains(sellers, seller)) {
		return Notification{}, errors.New("the notification's seller_id is not of this account")
	}
	return newNotification(raw, charset)
}

// SellerOf reads to whom a notification says that it was sent, so that the account whose key verifies it can be
// found. Until then anybody may have written it.
func SellerOf(body []byte) (string, error) {
	raw, err := parseForm(body)
	return raw["seller_id"], err
}

func newNotification(raw Params, charset string) (n Notification, err error) {
	var sent string
	for name, target := range map[string]*string{
		"notify_id": &n.ID, "notify_type": &n.Type, "notify_time": &sent, "trade_no": &n.TradeNo, "out_trade_no": &n.OutTradeNo,
		"trade_status": &n.TradeStatus, "refund_status": &n.RefundStatus,
	} {
		text, err := Decode(charset, []byte(raw[name]))
		if err != nil || strings.ContainsFunc(text, unicode.IsControl) {
			return Notification{}, fmt.Errorf("the notification's %s is not text in %s", name, charset)
		}
		if len(text) > maxNotified {
			return Notification{}, fmt.Errorf("the notification's %s is longer than %d bytes", name, maxNotified)
		}
		*target = text
	}
	if n.ID == "" || n.TradeNo == "" || n.TradeStatus == "" {
		return Notification{}, errors.New("the notification lacks notify_id, trade_no or trade_status")
	}
	if at, err := time.ParseInLocation(time.DateTime, sent, beijing.Zone); err == nil {
		n.Time = at
	}
	return n, nil
}

// parseForm takes a form apart into names and the bytes of their values, decoded once: %252F is %2F
// afterwards. Where Go's own parser and others would choose, it refuses: a name that stands twice, a
// broken escape, a pair without a name or without =.
func parseForm(body []byte) (Params, error) {
	if len(body) > MaxNotification {
		return nil, fmt.Errorf("the notification is longer than %d bytes", MaxNotification)
	}
	p := Params{}
	for pair := range strings.SplitSeq(string(body), "&") {
		name, value, ok := strings.Cut(pair, "=")
		name, nameErr := url.QueryUnescape(name)
		value, valueErr := url.QueryUnescape(value)
		switch _, twice := p[name]; {
		case !ok, nameErr != nil, valueErr != nil, !plainName(name):
			return nil, errors.New("the notification is not a form as Alipay sends it")
		case twice: // which of the two was signed?
			return nil, fmt.Errorf("the notification has %s twice", clip(name, 40))
		}
		p[name] = value
	}
	return p, nil
}

// plainName tells whether a name is one of Alipay's sort: letters, digits and _. One with & or = in it
// could take in a neighbour without changing the text that is signed.
func plainName(name string) bool {
	return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == ""
}

// ambiguous refuses a notification in which a value holds what reads as one of the fields that count. The
// signed text joins values raw, so zip=1&refund_status=X is the same whether it is one field or two: of a
// genuine notification somebody could hide a field in another's value, or have had one hidden there (by
// way of a delivery address) to be brought out. A genuine & alone, as in a subject, is let pass.
func ambiguous(p Params) error {
	for name, value := range p {
		if name == "sign" || name == "sign_type" || !strings.Contains(value, "&") {
			continue
		}
		for _, field := range notificationFields {
			if strings.Contains(value, "&"+field+"=") {
				return fmt.Errorf("the notification has %s inside %s: it can be read in two ways", field, clip(name, 40))
			}
		}
	}
	return nil
}
