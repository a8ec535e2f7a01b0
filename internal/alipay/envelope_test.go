package alipay

import (
	"bytes"
	"strings"
	"testing"
)

// What stands around or beside Alipay's form is not overlooked: an answer is one whole document or none.
func TestTheEnvelopeIsStrict(t *testing.T) {
	good := signedAnswer(t, "tradeBase", Params{"trade_no": tradeNo, "trade_status": "WAIT_BUYER_CONFIRM_GOODS"})
	const refused = "<alipay><is_success>F</is_success><error>RETRY</error></alipay>"
	root := strings.Index(good, "<alipay>")
	for name, body := range map[string]string{
		"text after":              good + "garbage",
		"text after a refusal":    refused + "HTTP/1.1 200 OK",
		"text before":             "garbage" + good,
		"text before the root":    good[:root] + "x" + good[root:],
		"a root after":            refused + "<alipay/>",
		"a refusal after":         good + refused,
		"an entity of its own":    strings.Replace(good, "WAIT_BUYER", "&wait;", 1),
		"a node twice":            strings.Replace(good, "</response>", "<tradeBase><x>1</x></tradeBase></response>", 1),
		"a response twice":        strings.Replace(good, "</response>", "</response><response></response>", 1),
		"an empty one, then T":    strings.Replace(good, "<is_success>", "<is_success></is_success><is_success>", 1),
		"a sign twice":            strings.Replace(good, "<sign_type>", "<sign>x</sign><sign_type>", 1),
		"something inside T":      strings.Replace(good, ">T<", ">T<b/><", 1),
		"NUL":                     strings.Replace(good, "WAIT", "\x00WAIT", 1),
		"a bare ampersand":        strings.Replace(good, "WAIT", "& WAIT", 1),
		"a tag that is not ended": strings.Replace(good, "</trade_no>", "", 1),
		"UTF-16":                  strings.Replace(good, "utf-8", "utf-16", 1),
		"too deep":                "<alipay>" + strings.Repeat("<a>", maxDepth) + strings.Repeat("</a>", maxDepth) + "</alipay>",
	} {
		a := ParseShipAnswer(testCredentials(), tradeNo, 200, "", []byte(body))
		if a.Outcome != Unknown || a.Complete || a.Err == nil {
			t.Errorf("%s: %+v", name, a)
		}
	}
	for name, body := range map[string]string{
		"blanks around":     "\r\n " + good + " \n",
		"a byte order mark": "\xef\xbb\xbf" + good,
		"a comment":         strings.Replace(good, "<response>", "<!-- x --><response>", 1),
		"a comment inside":  strings.Replace(good, "WAIT_BUYER", "WAIT_<!-- x -->BUYER", 1),
		"CDATA":             strings.Replace(good, "WAIT_BUYER_CONFIRM_GOODS", "<![CDATA[WAIT_BUYER_CONFIRM_GOODS]]>", 1),
		"a loose header":    strings.Replace(good, `encoding="utf-8"`, `encoding = 'UTF-8'`, 1),
		// A group inside the business node is no field: neither signed text nor a value of ours.
		"a group twice":       strings.Replace(good, "<trade_no>", "<fund><x>1</x></fund><fund><x>2</x></fund><trade_no>", 1),
		"without a sign_type": strings.Replace(good, "<sign_type>MD5</sign_type>", "", 1),
		"a servlet's charset": strings.Replace(good, "utf-8", "ISO-8859-1", 1),
		"a group inside":      strings.Replace(good, "<trade_no>", "<fund_list>\n <fund>1</fund>\n <fund>2</fund></fund_list><trade_no>", 1),
	} {
		if a := ParseShipAnswer(testCredentials(), tradeNo, 200, "", []byte(body)); a.Outcome != Succeeded {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

// An answer that declares nothing is UTF-8 if it can be, and GBK if it cannot: that of the request, mostly.
func TestAnAnswerThatDeclaresNoCharset(t *testing.T) {
	fields := Params{"trade_no": tradeNo, "trade_status": "WAIT_BUYER_CONFIRM_GOODS", "subject": "交易"}
	for _, charset := range []Charset{UTF8, GBK} {
		c := testCredentials()
		sign, err := c.Sign(fields, charset)
		if err != nil {
			t.Fatal(err)
		}
		body, err := charset.Encode(`<alipay><is_success>T</is_success><response><tradeBase><trade_no>` + tradeNo +
			`</trade_no><trade_status>WAIT_BUYER_CONFIRM_GOODS</trade_status><subject>交易</subject></tradeBase></response><sign>` + sign + `</sign></alipay>`)
		if err != nil {
			t.Fatal(err)
		}
		if a := ParseShipAnswer(c, tradeNo, 200, "text/xml", body); a.Outcome != Succeeded || !a.Verified {
			t.Errorf("%s: %+v", charset, a)
		}
	}
}

// Every success of the samples, with one digit of it changed, is nobody's word.
func TestATamperedSampleDoesNotVerify(t *testing.T) {
	for file, parse := range map[string]func(*Credentials, string, int, string, []byte) Answer{
		"query_escrow_wait_send.xml": ParseQueryAnswer, "query_escrow_wait_send_gbk.xml": ParseQueryAnswer, "query_escrow_shipped_rsa.xml": ParseQueryAnswer,
		"query_closed_entities.xml": ParseQueryAnswer, "query_instant_success.xml": ParseQueryAnswer, "query_cod_wait_send_hypothetical.xml": ParseQueryAnswer,
		"send_success.xml": ParseShipAnswer, "send_success_gbk.xml": ParseShipAnswer, "send_success_no_request.xml": ParseShipAnswer,
	} {
		creds, raw := testCredentials(), sampleDocument(t, file)
		if strings.Contains(file, "rsa") {
			creds = rsaOf(t, file)
		}
		if a := parse(creds, tradeNo, 200, "", raw); a.Outcome != Succeeded {
			t.Fatalf("%s untouched: %+v", file, a)
		}
		for old, changed := range map[string]string{
			"<trade_status>": "<trade_status>X", "<total_fee>": "<total_fee>9", "<sign>": "<sign>A", "</trade_status>": "</trade_status><added>1</added>",
		} {
			a := parse(creds, tradeNo, 200, "", bytes.Replace(raw, []byte(old), []byte(changed), 1))
			if a.Outcome != Unknown || !a.Complete || !a.Unverified || a.Verified || a.TradeStatus != "" || a.Err == nil {
				t.Errorf("%s with %s: %+v", file, changed, a)
			}
		}
	}
}

// A verified answer about another trade tells nothing about ours.
func TestAnotherTradesStatusIsNotKept(t *testing.T) {
	body := signedAnswer(t, "trade", Params{"trade_no": "1" + tradeNo[1:], "trade_status": "WAIT_BUYER_CONFIRM_GOODS", "refund_status": "X"})
	a := ParseQueryAnswer(testCredentials(), tradeNo, 200, "", []byte(body))
	if a.Outcome != Unknown || !a.Verified || a.TradeStatus != "" || a.RefundStatus != "" {
		t.Errorf("%+v", a)
	}
}
