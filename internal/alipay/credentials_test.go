package alipay

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/text/encoding/simplifiedchinese"
	"pgregory.net/rapid"
)

func TestKeysDoNotPrint(t *testing.T) {
	const key = "topsecretkey0123456789"               // a test key
	private, err := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // a throw-away key
	if err != nil {
		t.Fatal(err)
	}
	c := Credentials{Partner: "2088000000000001", SignType: RSA, Charset: UTF8, Key: NewSecret(key), PrivateKey: private, PublicKey: &private.PublicKey}
	wrapped := struct {
		C *Credentials
		S Secret
		L []Secret
	}{&c, c.Key, []Secret{c.Key}}
	inside := private.D.String()[:30]
	for _, v := range []any{c, &c, c.Key, &c.Key, wrapped, &wrapped, []any{c, c.Key}, fmt.Errorf("x: %v %+v", c, c.Key)} {
		printed := ""
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T"} {
			printed += fmt.Sprintf(verb, v)
		}
		encoded, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		printed += string(encoded)
		for _, secret := range []string{key, fmt.Sprintf("%x", key), fmt.Sprintf("%X", key), inside} {
			if strings.Contains(printed, secret) {
				t.Errorf("%T shows its key: %s", v, printed)
			}
		}
	}
	if c.Key.Reveal() != key || c.Key.IsZero() || !(Secret{}).IsZero() {
		t.Error("the key itself is gone")
	}
}

func TestCredentialsValidate(t *testing.T) {
	good := *testCredentials()
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(*Credentials){
		"2088":       func(c *Credentials) { c.Partner = "1234567890123456" },
		"16 digits":  func(c *Credentials) { c.Partner = "2088" },
		"missing":    func(c *Credentials) { c.Key = Secret{} },
		"line break": func(c *Credentials) { c.Key = NewSecret("a\nb") },
		"charset":    func(c *Credentials) { c.Charset = "big5" },
		"DSA":        func(c *Credentials) { c.SignType = "DSA" },
		"private":    func(c *Credentials) { c.SignType = RSA },
	} {
		c := good
		if spoil(&c); c.Validate() == nil || !strings.Contains(c.Validate().Error(), want) {
			t.Errorf("%s: %v", want, c.Validate())
		}
	}
	for _, name := range []string{"DSA", "RSA2", "md5", ""} {
		if _, err := ParseSignType(name); err == nil {
			t.Errorf("sign type %q is accepted", name)
		}
	}
	c := good
	c.SignType = "X"
	if _, err := c.Sign(Params{}, UTF8); err == nil {
		t.Error("signed by X")
	}
	if err := c.Verify(Params{}, "utf-8", "X", ""); err == nil {
		t.Error("verified by X")
	}
	c.SignType = RSA
	if _, err := c.Sign(Params{}, UTF8); err == nil {
		t.Error("signed without a key")
	}
	if err := c.Verify(Params{}, "utf-8", "RSA", "eA=="); err == nil {
		t.Error("verified without a key")
	}
	if err := good.Verify(Params{}, "latin1", "MD5", ""); err == nil {
		t.Error("verified in an unknown charset")
	}
}

func TestParseKeys(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // a throw-away key
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pkix, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	for _, der := range [][]byte{x509.MarshalPKCS1PrivateKey(key), pkcs8} {
		for _, raw := range [][]byte{pem.EncodeToMemory(&pem.Block{Type: "X", Bytes: der}), []byte(base64.StdEncoding.EncodeToString(der) + "\n")} {
			if got, err := ParsePrivateKey(raw); err != nil || !got.Equal(key) {
				t.Error(err)
			}
		}
	}
	for _, der := range [][]byte{x509.MarshalPKCS1PublicKey(&key.PublicKey), pkix} {
		if got, err := ParsePublicKey([]byte(base64.StdEncoding.EncodeToString(der))); err != nil || !got.Equal(&key.PublicKey) {
			t.Error(err)
		}
	}
	for _, bad := range []string{"", "no key", "AAAA"} {
		if _, err := ParsePrivateKey([]byte(bad)); err == nil {
			t.Errorf("private key %q", bad)
		}
		if _, err := ParsePublicKey([]byte(bad)); err == nil {
			t.Errorf("public key %q", bad)
		}
	}
}

func TestCheckGateway(t *testing.T) {
	for _, good := range []string{
		ProductionGateway, "http://127.0.0.1:8091/gateway.do", "https://localhost/gateway.do", "http://[::1]:1/gateway.do", "https://gw.example.com/gateway.do",
	} {
		if _, err := CheckGateway(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for bad, want := range map[string]string{
		"":                                         "is not an address",
		"mapi.alipay.com/gateway.do":               "is not an address",
		"ftp://mapi.alipay.com":                    "is not an address",
		"http://mapi.alipay.com/gateway.do":        "is not https",
		"https://110.75.132.1/gateway.do":          "DNS name",
		"http://192.168.1.1/gateway.do":            "DNS name",
		"https://mapi.alipay.com/?x=1":             "no parameters",
		"https://u:pw@mapi.alipay.com/":            "no parameters",
		"https://openapi.alipaydev.com/gateway.do": "test systems",
		"https://mapi.alipay.net/gateway.do":       "test systems",
	} {
		if _, err := CheckGateway(bad); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), ":pw@") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if _, err := NewClient(Options{Gateway: "x"}); err == nil {
		t.Error("a client without a gateway")
	}
}

func TestDemoIdentities(t *testing.T) {
	for _, p := range demoPartners {
		if !IsDemoPartner(p) || len(p) != 16 {
			t.Error(p)
		}
	}
	if IsDemoPartner("2088900000000001") || len(demoPartners) != 14 {
		t.Error("the list of demo partners")
	}
	for key, want := range map[string]bool{
		testKey: true, "00000000000000000000000000000000": true, "22222222222222222222222222222222": true,
		"": false, "760bdzec6y9goq7ctyx96ezkz78287de": false, "aaaaaaaaaaaa": false, "10000000000000000000000000000001": false,
	} {
		if IsDemoKey(NewSecret(key)) != want {
			t.Errorf("key %q", key)
		}
	}
}

// What of an account is out of Alipay's examples is named, all of it.
func TestDemoIdentitiesAreNamed(t *testing.T) {
	for name, c := range map[string]struct {
		partner, key, host string
		want               []string
	}{
		"a merchant":  {"2088900000000001", "760bdzec6y9goq7ctyx96ezkz78287de", "mapi.alipay.com", nil},
		"partner":     {"2088201564809153", "760bdzec6y9goq7ctyx96ezkz78287de", "mapi.alipay.com", []string{"2088201564809153"}},
		"key":         {"2088900000000001", "10000000000000000000000000000000", "mapi.alipay.com", []string{"placeholder"}},
		"host":        {"2088900000000001", "760bdzec6y9goq7ctyx96ezkz78287de", "mapi.alipay.NET.", []string{"mapi.alipay.NET."}},
		"all":         {"2088123456789012", "00000000000000000000000000000000", "openapi.alipaydev.com", []string{"2088123456789012", "placeholder", "alipaydev.com"}},
		"like a host": {"2088900000000001", "760bdzec6y9goq7ctyx96ezkz78287de", "notalipay.net", nil},
	} {
		got := DemoIdentities(&Credentials{Partner: c.partner, Key: NewSecret(c.key)}, c.host)
		if len(got) != len(c.want) {
			t.Errorf("%s: %q", name, got)
			continue
		}
		for i, want := range c.want {
			if !strings.Contains(got[i], want) || strings.Contains(got[i], c.key) {
				t.Errorf("%s: %q", name, got)
			}
		}
	}
	const test = "https://openapi.alipaydev.com/gateway.do"
	if _, err := CheckGateway(test); err == nil || !strings.Contains(err.Error(), "test systems") {
		t.Errorf("taken for shipping: %v", err)
	}
	if _, err := NewClient(Options{Gateway: test}); err == nil {
		t.Error("a client for shipping")
	}
	c, err := NewClient(Options{Gateway: test, TestSystems: true})
	if err != nil || c.Host() != "openapi.alipaydev.com" {
		t.Fatal(err)
	}
	c.Close()
	if _, err := NewClient(Options{Gateway: "http://openapi.alipaydev.com/gateway.do", TestSystems: true}); err == nil {
		t.Error("plain http for a check")
	}
}

func TestShipRequestRefusals(t *testing.T) {
	c := newClient(t, Options{Gateway: "http://127.0.0.1:1/gateway.do"})
	gb := testCredentials()
	gb.Charset = GB2312
	for name, f := range map[string]func() error{
		"another account (U4)": func() error {
			s := parcel
			s.Partner = "2088000000000002"
			_, err := c.NewShipRequest(t.Context(), testCredentials(), s)
			return err
		},
		"an ampersand": func() error {
			s := parcel
			s.LogisticsName = "a&b=c"
			_, err := c.NewShipRequest(t.Context(), testCredentials(), s)
			return err
		},
		"a character that gb2312 lacks": func() error {
			s := parcel
			s.LogisticsName = "朱镕"
			_, err := c.NewShipRequest(t.Context(), gb, s)
			return err
		},
	} {
		if f() == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	request, err := c.NewShipRequest(t.Context(), gb, parcel)
	if err != nil || strings.Contains(string(request.wire), "create_transport_type") {
		t.Fatalf("%s %v", request.wire, err)
	}
	for name := range request.Params() {
		if name == "sign" || name == "sign_type" {
			t.Errorf("the record holds %s", name)
		}
	}
}

// GB2312 has 7445 characters besides ASCII; GBK and GB18030 add to it.
func TestGB2312IsStrict(t *testing.T) {
	n := 0
	for r := rune(0x80); r < 0x10000; r++ {
		if r >= 0xD800 && r < 0xE000 {
			continue
		}
		b, err := GB2312.Encode(string(r))
		if err != nil {
			continue
		}
		n++
		back, err := simplifiedchinese.GBK.NewDecoder().Bytes(b)
		if err != nil || string(back) != string(r) {
			t.Fatalf("%U becomes %x", r, b)
		}
	}
	if n != 7445 {
		t.Errorf("%d characters, want 7445", n)
	}
	if b, err := GB2312.Encode("A顺"); err != nil || len(b) != 3 {
		t.Error(b, err)
	}
}

func TestDecode(t *testing.T) {
	gbk, err := GBK.Encode("交易")
	if err != nil {
		t.Fatal(err)
	}
	for _, declared := range []string{"GBK", "gb2312", " GB18030 ", "cp936", "x-gbk"} {
		if s, err := Decode(declared, gbk); err != nil || s != "交易" {
			t.Errorf("%s: %q %v", declared, s, err)
		}
	}
	for _, bad := range []struct{ declared, raw string }{{"utf-8", "\xff"}, {"gbk", "\xff\xff"}, {"latin1", "\xe9"}, {"cp936", "\xff\xff"}, {"ebcdic", "x"}, {"utf-16", "x"}} {
		if _, err := Decode(bad.declared, []byte(bad.raw)); err == nil {
			t.Errorf("%q is %s", bad.raw, bad.declared)
		}
	}
	if s, err := Decode("ISO-8859-1", []byte("plain")); err != nil || s != "plain" {
		t.Errorf("what is ASCII in any case: %q %v", s, err)
	}
	if _, err := UTF8.Encode("\xff"); err == nil {
		t.Error("broken UTF-8 is encoded")
	}
}

// G1, G2: order and empties, whatever the names and values.
func TestPresignProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Params(rapid.MapOf(rapid.StringMatching(`[a-z_]{1,6}`), rapid.StringMatching(`[^&=\n]{0,5}`)).Draw(t, "params"))
		text := Presign(p)
		previous, n := "", 0
		for pair := range strings.SplitSeq(text, "&") {
			if text == "" {
				break
			}
			name, value, ok := strings.Cut(pair, "=")
			if !ok || value == "" || p[name] != value || name <= previous || name == "sign" || name == "sign_type" {
				t.Fatalf("%q in %q", pair, text)
			}
			previous = name
			n++
		}
		for name, value := range p {
			if value != "" && name != "sign" && name != "sign_type" {
				n--
			}
		}
		if n != 0 {
			t.Fatalf("%q lacks or adds %d parameters", text, -n)
		}
	})
}
