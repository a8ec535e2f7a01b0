package alipay

import (
	"bytes"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"
)

// signers are an account of each way of signing, with the charsets of requests.
func signers(t testing.TB) []*Credentials {
	t.Helper()
	return []*Credentials{testCredentials(), rsaOf(t, "notify_wait_send_rsa_utf8.txt")}
}

// text draws what a request may carry in a charset: ASCII, Chinese of GB2312, and beyond it where there is more.
func text(cs Charset) *rapid.Generator[string] {
	tables := []*unicode.RangeTable{{R16: []unicode.Range16{{Lo: ' ', Hi: '~', Stride: 1}}}, {R16: []unicode.Range16{{Lo: '一', Hi: '龥', Stride: 1}}}}
	if cs == UTF8 {
		tables = append(tables, unicode.Letter, unicode.So)
	}
	return rapid.StringOfN(rapid.RuneFrom(nil, tables...), 1, 12, -1).Filter(func(s string) bool {
		_, err := cs.Encode(s)
		return err == nil && !strings.ContainsAny(s, "&=")
	})
}

// drawParams draws parameters with values, in a charset that they fit.
func drawParams(t *rapid.T, cs Charset) Params {
	return Params(rapid.MapOfN(rapid.StringMatching(`[a-z_]{1,8}`).Filter(func(name string) bool { return name != "sign" && name != "sign_type" }),
		text(cs), 1, 6).Draw(t, "params"))
}

var charsets = rapid.SampledFrom([]Charset{UTF8, GBK, GB2312})

// G2: what is empty is neither signed nor sent. G1: in whatever order the fields of a form come, they are the same.
func TestSigningKnowsNoOrderAndNoEmpties(t *testing.T) {
	all := signers(t)
	rapid.Check(t, func(t *rapid.T) {
		cs := charsets.Draw(t, "charset")
		p, c := drawParams(t, cs), rapid.SampledFrom(all).Draw(t, "signer")
		sign, err := c.Sign(p, cs)
		if err != nil {
			t.Fatal(err)
		}
		form, err := EncodeForm(p, cs)
		if err != nil {
			t.Fatal(err)
		}
		more := maps.Clone(p)
		more["sign"], more["sign_type"] = sign, string(c.SignType)
		for _, name := range rapid.SliceOfN(rapid.StringMatching(`[A-Z]{1,3}`), 1, 3).Draw(t, "empty") {
			more[name] = ""
		}
		if again, err := c.Sign(more, cs); err != nil || again != sign {
			t.Fatalf("empties are signed: %q", Presign(more))
		}
		delete(more, "sign")
		delete(more, "sign_type")
		if again, err := EncodeForm(more, cs); err != nil || !bytes.Equal(again, form) {
			t.Fatalf("empties are sent: %s", again)
		}
		shuffled := strings.Join(rapid.Permutation(strings.Split(string(form), "&")).Draw(t, "order"), "&")
		got, err := parseForm([]byte(shuffled))
		if err != nil || c.verifyText([]byte(Presign(got)), string(c.SignType), sign) != nil {
			t.Fatalf("%s does not verify: %v", shuffled, err)
		}
	})
}

// What is sent is what Alipay reads, in each charset, and what verifies.
func TestEveryCharsetRoundTrips(t *testing.T) {
	all := signers(t)
	rapid.Check(t, func(t *rapid.T) {
		cs := charsets.Draw(t, "charset")
		p := drawParams(t, cs)
		form, err := EncodeForm(p, cs)
		if err != nil {
			t.Fatal(err)
		}
		sent, err := url.ParseQuery(string(form))
		if err != nil || len(sent) != len(p) {
			t.Fatalf("%s: %v", form, err)
		}
		for name, values := range sent {
			if got, err := Decode(string(cs), []byte(values[0])); err != nil || got != p[name] {
				t.Fatalf("%s: sent %q, read %q (%v)", cs, p[name], got, err)
			}
		}
		for _, c := range all {
			sign, err := c.Sign(p, cs)
			if err == nil {
				err = c.Verify(p, string(cs), string(c.SignType), sign)
			}
			if err != nil {
				t.Fatalf("%s, %s: %v", c.SignType, cs, err)
			}
		}
	})
}

// Text of any kind is encoded so that it reads the same, or is refused; never is it changed silently.
func TestEncodingIsFaithfulOrRefuses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cs, s := charsets.Draw(t, "charset"), rapid.String().Draw(t, "text")
		raw, err := cs.Encode(s)
		if err != nil {
			return
		}
		if back, err := Decode(string(cs), raw); err != nil || back != s {
			t.Fatalf("%q in %s is %x, which reads as %q (%v)", s, cs, raw, back, err)
		}
	})
}

// One changed byte of what was signed, whichever and whatever it becomes, and nothing verifies.
func TestOneChangedByteBreaksTheSignature(t *testing.T) {
	all := signers(t)
	rapid.Check(t, func(t *rapid.T) {
		cs := charsets.Draw(t, "charset")
		p, c := drawParams(t, cs), rapid.SampledFrom(all).Draw(t, "signer")
		sign, err := c.Sign(p, cs)
		if err != nil {
			t.Fatal(err)
		}
		raw := Params{}
		for name, value := range p {
			b, err := cs.Encode(value)
			if err != nil {
				t.Fatal(err)
			}
			raw[name] = string(b)
		}
		if err := c.verifyText([]byte(Presign(raw)), string(c.SignType), sign); err != nil {
			t.Fatal(err)
		}
		name := rapid.SampledFrom(slices.Sorted(maps.Keys(raw))).Draw(t, "name")
		value := []byte(raw[name])
		value[rapid.IntRange(0, len(value)-1).Draw(t, "at")] ^= rapid.ByteRange(1, 255).Draw(t, "by")
		raw[name] = string(value)
		if c.verifyText([]byte(Presign(raw)), string(c.SignType), sign) == nil {
			t.Fatalf("%s was changed and verifies", name)
		}
	})
}
