package alipay

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// Whatever a peer puts where a code or a flag should be, what the ledger and the log get is short and
// shows nobody's data.
func TestWhatAPeerSaysIsBounded(t *testing.T) {
	long := strings.Repeat("someone@example.com 13812345678 发", 5000)
	for name, body := range map[string]string{
		"code":       "<alipay><is_success>F</is_success><error>" + long + "</error></alipay>",
		"flag":       "<alipay><is_success>" + long + "</is_success></alipay>",
		"sign type":  "<alipay><is_success>F</is_success><error>RETRY</error><sign>x</sign><sign_type>" + long + "</sign_type></alipay>",
		"twice":      "<alipay>" + strings.Repeat("<"+strings.Repeat("x", 5000)+"/>", 2) + "</alipay>",
		"page":       "<html>" + long,
		"broken":     "\xff" + long,
		"no charset": `<?xml version="1.0" encoding="` + strings.Repeat("x", 150) + `"?><alipay/>`,
	} {
		a := ParseShipAnswer(testCredentials(), tradeNo, 200, "", []byte(body))
		text := a.Code + a.Body
		if a.Err != nil {
			text += a.Err.Error()
			if utf8.RuneCountInString(a.Err.Error()) > maxError {
				t.Errorf("%s: the error has %d characters", name, utf8.RuneCountInString(a.Err.Error()))
			}
		}
		if utf8.RuneCountInString(a.Code) > maxCode || len(a.Body) > maxRecord || !utf8.ValidString(text) {
			t.Errorf("%s: code %d, body %d bytes", name, len(a.Code), len(a.Body))
		}
		if strings.Contains(strings.ToLower(text), "someone") || strings.Contains(text, "13812345678") {
			t.Errorf("%s shows a buyer: %.200s", name, text)
		}
	}
}

// Personal data in every shape in which it may stand, the one cut off at the end included.
func TestRecordMasks(t *testing.T) {
	for raw, want := range map[string]string{
		"<sign>0123</sign><sign_type>MD5</sign_type>":        "<sign>***</sign><sign_type>MD5</sign_type>",
		"<sign >0123</sign >":                                "<sign>***</sign >",
		"<sign>0123":                                         "<sign>***",
		"<buyer_email>a@b.cn</buyer_email>":                  "<buyer_email>a***@b.cn</buyer_email>",
		"<buyer_email>13812345678</buyer_email>":             "<buyer_email>138****5678</buyer_email>",
		"<buyer_login_email>mallory</buyer_login_email>":     "<buyer_login_email>***</buyer_login_email>",
		"<buyer_login_email>mall":                            "<buyer_login_email>***",
		"<buyer_email>a&#64;b.cn</buyer_email>":              "<buyer_email>***</buyer_email>",
		"<receive_name>张三</receive_name>":                    "<receive_name>***</receive_name>",
		"<receive_name a='b'>张三</receive_name>":              "<receive_name>***</receive_name>",
		"<receiver_address><![CDATA[</b>某路]]>":               "<receiver_address>***",
		"<receive_mobile>138":                                "<receive_mobile>***",
		"<buyer_user_id>2088000000000001</buyer_user_id>":    "<buyer_user_id>***</buyer_user_id>",
		"<subject>+8613812345678, 008613812345678</subject>": "<subject>+86138****5678, 0086138****5678</subject>",
		"<trade_no>2014040311001004370000361525</trade_no>":  "<trade_no>2014040311001004370000361525</trade_no>",
		"?a=b&sign=0123&key=abc&c=d":                         "?a=b&sign=***&key=***&c=d",
		"a\x00b":                                             "ab",
	} {
		if got := record(raw); got != want {
			t.Errorf("%s\nbecomes %s\nwant    %s", raw, got, want)
		}
	}
}

func TestBriefly(t *testing.T) {
	if briefly(nil) != nil {
		t.Error("no error is one")
	}
	err := briefly(fmt.Errorf("a@b.cn %s: %w", strings.Repeat("发", 1000), ErrWindowClosed))
	if !errors.Is(err, ErrWindowClosed) || utf8.RuneCountInString(err.Error()) != maxError || strings.Contains(err.Error(), "a@") == strings.Contains(err.Error(), "a***@") {
		t.Errorf("%v", err)
	}
}
