package alipay

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func testCredentials() *Credentials {
	return &Credentials{Partner: "2088000000000001", SignType: MD5, Charset: UTF8, Key: NewSecret(testKey)}
}

// rsaOf is the credentials by which the RSA vector of a document verifies.
func rsaOf(t testing.TB, file string) *Credentials {
	t.Helper()
	for _, v := range vectors(t) {
		if v.Document == "documents/"+file {
			return v.credentials(t)
		}
	}
	t.Fatalf("no vector for %s", file)
	return nil
}

func TestDocuments(t *testing.T) {
	const trade = "2014040311001004370000361525"
	md5 := testCredentials()
	genuine := &Credentials{SignType: MD5, Key: NewSecret("760bdzec6y9goq7ctyx96ezkz78287de")} // the sandbox's published test key
	for file, c := range map[string]struct {
		creds  *Credentials
		ship   bool
		want   Outcome
		code   string
		status string
		failed bool // Err is set
	}{
		"query_success_sandbox_real.xml":        {genuine, false, Succeeded, "", "TRADE_FINISHED", false},
		"query_escrow_wait_send.xml":            {md5, false, Succeeded, "", "WAIT_SELLER_SEND_GOODS", false},
		"query_escrow_wait_send_gbk.xml":        {md5, false, Succeeded, "", "WAIT_SELLER_SEND_GOODS", false},
		"query_escrow_shipped_rsa.xml":          {rsaOf(t, "query_escrow_shipped_rsa.xml"), false, Succeeded, "", "WAIT_BUYER_CONFIRM_GOODS", false},
		"query_closed_entities.xml":             {md5, false, Succeeded, "", "TRADE_CLOSED", false},
		"query_instant_success.xml":             {md5, false, Succeeded, "", "TRADE_SUCCESS", false},
		"query_cod_wait_send_hypothetical.xml":  {md5, false, Succeeded, "", "COD_WAIT_SELLER_SEND_GOODS", false},
		"query_fail_not_exist.xml":              {md5, false, ShipmentFault, "TRADE_NOT_EXIST", "", false},
		"fail_illegal_sign_gbk.xml":             {md5, true, AccountFault, "ILLEGAL_SIGN", "", false},
		"fail_illegal_partner_exterface.xml":    {md5, true, AccountFault, "ILLEGAL_PARTNER_EXTERFACE", "", false},
		"send_success.xml":                      {md5, true, Succeeded, "", "WAIT_BUYER_CONFIRM_GOODS", false},
		"send_success_gbk.xml":                  {md5, true, Succeeded, "", "WAIT_BUYER_CONFIRM_GOODS", false},
		"send_success_no_request.xml":           {md5, true, Succeeded, "", "WAIT_BUYER_CONFIRM_GOODS", false},
		"send_success_tampered.xml":             {md5, true, Unknown, "", "", true},
		"send_fail_retry.xml":                   {md5, true, Busy, "RETRY", "", false},
		"send_fail_trade_status_not_availd.xml": {md5, true, OutOfStep, "TRADE_STATUS_NOT_AVAILD", "", false},
	} {
		t.Run(file, func(t *testing.T) {
			raw := sampleDocument(t, file)
			no := trade
			if i := bytes.Index(raw, []byte("<trade_no>")); i >= 0 {
				no = string(raw[i+10 : i+10+bytes.IndexByte(raw[i+10:], '<')])
			}
			parse := ParseQueryAnswer
			if c.ship {
				parse = ParseShipAnswer
			}
			a := parse(c.creds, no, 200, "text/html;charset=utf-8", raw)
			if a.Outcome != c.want || a.Code != c.code || a.TradeStatus != c.status || (a.Err != nil) != c.failed || !a.Complete {
				t.Fatalf("%+v", a)
			}
			if a.Verified != (c.want == Succeeded) {
				t.Fatalf("verified %v", a.Verified)
			}
			if c.want == Succeeded {
				if a := parse(c.creds, "9"+no[1:], 200, "", raw); a.Outcome != Unknown || a.Err == nil {
					t.Fatalf("an answer about another trade counts: %+v", a)
				}
			}
		})
	}
}

// signed makes a signed success of fields in a business node.
func signedAnswer(t *testing.T, node string, fields Params) string {
	t.Helper()
	sign, err := testCredentials().Sign(fields, UTF8)
	if err != nil {
		t.Fatal(err)
	}
	var children strings.Builder
	for _, name := range fields.names() {
		fmt.Fprintf(&children, "<%s>%s</%s>", name, fields[name], name)
	}
	return fmt.Sprintf(`<?xml version="1.0" encoding="utf-8"?><alipay><is_success>T</is_success><response><%s>%s</%s></response><sign>%s</sign><sign_type>MD5</sign_type></alipay>`,
		node, children.String(), node, sign)
}

const tradeNo = "2014040311001004370000361525"

func TestWhatIsUnknown(t *testing.T) {
	good := signedAnswer(t, "tradeBase", Params{"trade_no": tradeNo, "trade_status": "WAIT_BUYER_CONFIRM_GOODS"})
	if a := ParseShipAnswer(testCredentials(), tradeNo, 200, "", []byte(good)); a.Outcome != Succeeded {
		t.Fatalf("the good one: %+v", a)
	}
	for name, c := range map[string]struct {
		status   int
		body     string
		complete bool
	}{
		"nothing":                {200, "", false},
		"blanks":                 {200, " \n ", false},
		"half":                   {200, good[:len(good)/2], false},
		"all but the last byte":  {200, good[:len(good)-1], false},
		"two documents":          {200, good + good[strings.Index(good, "<alipay>"):], false},
		"something after":        {200, good + "<x/>", false},
		"an HTML page":           {200, "<html><body><h1>502 Bad Gateway</h1></body></html>", false},
		"a proxy's 502":          {502, good, false},
		"another root":           {200, strings.ReplaceAll(good, "alipay>", "paypal>"), false},
		"a document type":        {200, strings.Replace(good, "<alipay>", `<!DOCTYPE alipay [<!ENTITY x "y">]><alipay>`, 1), false},
		"too long":               {200, good + strings.Repeat(" ", maxAnswer), false},
		"not its charset":        {200, strings.Replace(good, "T</is", "\xff\xfe</is", 1), false},
		"an unknown charset":     {200, strings.Replace(good, "utf-8", "ebcdic", 1), false},
		"deep nesting":           {200, "<alipay>" + strings.Repeat("<a>", 100000), false},
		"is_success twice":       {200, strings.Replace(good, "<response>", "<is_success>F</is_success><response>", 1), false},
		"trade_status twice":     {200, strings.Replace(good, "<trade_status>", "<trade_status>X</trade_status><trade_status>", 1), false},
		"neither T nor F":        {200, strings.Replace(good, ">T<", ">maybe<", 1), true},
		"T alone":                {200, "<alipay><is_success>T</is_success></alipay>", true},
		"T unsigned":             {200, good[:strings.Index(good, "<sign>")] + "</alipay>", true},
		"T signed otherwise":     {200, strings.Replace(good, "MD5", "RSA", 1), true},
		"T with a wrong sign":    {200, strings.Replace(good, "<sign>", "<sign>0", 1), true},
		"T, still to be shipped": {200, signedAnswer(t, "tradeBase", Params{"trade_no": tradeNo, "trade_status": "WAIT_SELLER_SEND_GOODS"}), true},
		"T, no status":           {200, signedAnswer(t, "tradeBase", Params{"trade_no": tradeNo}), true},
		"T, another trade":       {200, signedAnswer(t, "tradeBase", Params{"trade_no": "1" + tradeNo[1:], "trade_status": "WAIT_BUYER_CONFIRM_GOODS"}), true},
		"T of a query":           {200, signedAnswer(t, "trade", Params{"trade_no": tradeNo, "trade_status": "WAIT_BUYER_CONFIRM_GOODS"}), true},
		"F without a code":       {200, "<alipay><is_success>F</is_success></alipay>", true},
		"F, signed wrongly":      {200, "<alipay><is_success>F</is_success><error>RETRY</error><sign>x</sign><sign_type>MD5</sign_type></alipay>", true},
		"F, SESSION_TIMEOUT":     {200, "<alipay><is_success>F</is_success><error>SESSION_TIMEOUT</error></alipay>", true},
	} {
		a := ParseShipAnswer(testCredentials(), tradeNo, c.status, "text/xml", []byte(c.body))
		if a.Outcome != Unknown || a.Err == nil || a.Complete != c.complete || len(a.Body) > maxRecord {
			t.Errorf("%s: %+v", name, a)
		}
		if a.Verified && !strings.HasPrefix(name, "T,") {
			t.Errorf("%s: verified", name)
		}
	}
	if a := ParseQueryAnswer(testCredentials(), tradeNo, 200, "", []byte(signedAnswer(t, "trade", Params{"trade_no": tradeNo}))); a.Outcome != Unknown {
		t.Errorf("a query without a status: %+v", a)
	}
}

func TestASignedRefusalIsVerified(t *testing.T) {
	sign, err := testCredentials().Sign(Params{"error": "RETRY"}, UTF8)
	if err != nil {
		t.Fatal(err)
	}
	body := "<alipay><is_success>F</is_success><error>RETRY</error><sign>" + sign + "</sign><sign_type>MD5</sign_type></alipay>"
	if a := ParseShipAnswer(testCredentials(), tradeNo, 200, "", []byte(body)); a.Outcome != Busy || !a.Verified {
		t.Fatalf("%+v", a)
	}
}

func TestTheRecordShowsNoBuyerAndNoSign(t *testing.T) {
	body := signedAnswer(t, "trade", Params{
		"trade_no": tradeNo, "trade_status": "WAIT_SELLER_SEND_GOODS", "buyer_email": "someone@example.com", "buyer_phone": "13812345678",
		"receive_name": "王小明", "receive_address": "杭州市某路1号", "buyer_id": "2088102000979107", "subject": "tel 13900001111 key=abc", "refund_status": "X",
	})
	a := ParseQueryAnswer(testCredentials(), tradeNo, 200, "", []byte(body))
	if a.Outcome != Succeeded || a.RefundStatus != "X" {
		t.Fatalf("%+v", a)
	}
	sign := body[strings.Index(body, "<sign>")+6:][:32]
	for _, secret := range []string{"someone@", "13812345678", "13900001111", "王小明", "某路", "2088102000979107", sign, "abc"} {
		if strings.Contains(a.Body, secret) {
			t.Errorf("the record shows %q: %s", secret, a.Body)
		}
	}
	if !strings.Contains(a.Body, "WAIT_SELLER_SEND_GOODS") || !strings.Contains(a.Body, "s***@example.com") {
		t.Errorf("the record: %s", a.Body)
	}
	long := ParseQueryAnswer(testCredentials(), tradeNo, 200, "", []byte(strings.Repeat("发", 3000)))
	if len(long.Body) > maxRecord || strings.Contains(long.Body, "\uFFFD") {
		t.Errorf("a long record is cut inside a character: %d", len(long.Body))
	}
}

func TestCodes(t *testing.T) {
	for code, want := range codes {
		for _, spelt := range []string{code, strings.ToLower(code), " " + strings.ReplaceAll(code, "_", " ") + "\n"} {
			if got := Classify(spelt); got != want {
				t.Errorf("%q is %v, want %v", spelt, got, want)
			}
		}
	}
	for code, want := range map[string]Outcome{
		"": Unknown, "NEVER_HEARD_OF": UnlistedCode, "TRADE_IS_NOT_EXIST": ShipmentFault, "HASH_NO_PRIVILEGE": AccountFault,
		"TRADE_STATUS_NOT_AVAILABLE": UnlistedCode,
	} {
		if got := Classify(code); got != want {
			t.Errorf("%q is %v, want %v", code, got, want)
		}
	}
	if len(codes) != 3+5+23+3 {
		t.Errorf("%d codes in the table", len(codes))
	}
	seen := map[string]bool{}
	for o := Unknown; o <= UnlistedCode+1; o++ {
		if seen[o.String()] || o.String() == "" {
			t.Errorf("outcome %d is named %q", int(o), o)
		}
		seen[o.String()] = true
	}
}

func TestStates(t *testing.T) {
	for want, statuses := range map[TradeState]string{
		Shippable:      "WAIT_SELLER_SEND_GOODS COD_WAIT_SELLER_SEND_GOODS",
		AlreadyShipped: "WAIT_BUYER_CONFIRM_GOODS COD_WAIT_BUYER_PAY WAIT_SYS_PAY_SELLER COD_WAIT_SYS_PAY_SELLER",
		NotShippable: "TRADE_FINISHED TRADE_CLOSED WAIT_BUYER_PAY WAIT_SYS_CONFIRM_PAY TRADE_SUCCESS TRADE_PENDING TRADE_REFUSE " +
			"TRADE_REFUSE_DEALING TRADE_CANCEL BUYER_PRE_AUTH WAIT_SELLER_CONFIRM_TRADE ANYTHING_ELSE wait_seller_send_goods",
	} {
		for _, s := range strings.Fields(statuses) {
			if got := StateOf(s); got != want {
				t.Errorf("%s is %v, want %v", s, got, want)
			}
		}
	}
	if StateOf("") != StateUnknown {
		t.Error("no status is a state")
	}
}

func FuzzParseAnswer(f *testing.F) {
	f.Add([]byte("<alipay><is_success>T</is_success></alipay>"))
	f.Add([]byte(`<?xml version="1.0" encoding="GBK"?><alipay><is_success>F</is_success><error>RETRY</error></alipay>`))
	f.Add([]byte("<alipay><alipay></alipay>"))
	f.Add([]byte("\xef\xbb\xbf<html>"))
	samples, err := filepath.Glob(filepath.Join("testdata", "documents", "*.xml"))
	if err != nil || len(samples) == 0 {
		f.Fatal("no samples", err)
	}
	for _, path := range samples {
		raw, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	c := testCredentials()
	f.Fuzz(func(t *testing.T, body []byte) {
		start := time.Now()
		for _, a := range []Answer{ParseShipAnswer(c, tradeNo, 200, "", body), ParseQueryAnswer(c, tradeNo, 200, "text/xml; charset=gbk", body)} {
			if a.Outcome == Succeeded && (!a.Verified || a.Code != "") {
				t.Fatalf("a success that nobody signed, or with a code: %+v", a)
			}
			if (a.Unverified || a.Outcome != Succeeded && a.Outcome != Unknown) && a.TradeStatus+a.RefundStatus != "" {
				t.Fatalf("a status that nobody signed is kept: %+v", a)
			}
			if (a.Outcome == Unknown) != (a.Err != nil) {
				t.Fatalf("outcome %v with error %v", a.Outcome, a.Err)
			}
			if len(a.Body) > maxRecord || !utf8.ValidString(a.Body) || strings.Contains(a.Body, "\x00") {
				t.Fatal("the record cannot be kept")
			}
			if utf8.RuneCountInString(a.Code) > maxCode || (a.Err != nil && utf8.RuneCountInString(a.Err.Error()) > maxError) {
				t.Fatal("code or error is too long")
			}
			if a.Outcome != Unknown && !a.Complete {
				t.Fatal("a verdict on half an answer")
			}
		}
		// The two services' answers are not each other's: no document is a success of both.
		ship, query := ParseShipAnswer(c, tradeNo, 200, "", body), ParseQueryAnswer(c, tradeNo, 200, "", body)
		if ship.Outcome == Succeeded && (query.Outcome == Succeeded || StateOf(ship.TradeStatus) != AlreadyShipped) {
			t.Fatalf("shipped by an answer that does not say so: %+v", ship)
		}
		if late := ParseShipAnswer(c, tradeNo, 500, "", body); late.Outcome != Unknown || late.Complete {
			t.Fatalf("a 5xx is taken for the gateway's word: %+v", late)
		}
		if time.Since(start) > time.Minute {
			t.Fatal("too slow")
		}
	})
}
