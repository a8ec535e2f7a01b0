package alipay

import (
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// vector is an entry of testdata/vectors.json: published signatures, a genuine answer, and signatures
// computed by two independent implementations. All keys are test keys.
type vector struct {
	Name       string   `json:"name"`
	SignType   SignType `json:"sign_type"`
	Charset    string   `json:"charset"`
	Key        string   `json:"key"`
	PublicKey  string   `json:"public_key"`
	Params     Params   `json:"params"`
	Presign    string   `json:"presign"`
	PresignHex string   `json:"presign_bytes_hex"`
	Sign       string   `json:"sign"`
	Body       string   `json:"post_body_java_urlencoder"`
	Document   string   `json:"document"`
}

func (v vector) credentials(t testing.TB) *Credentials {
	t.Helper()
	c := &Credentials{Partner: v.Params["partner"], SignType: v.SignType, Charset: Charset(v.Charset)}
	if v.SignType == MD5 {
		c.Key = NewSecret(v.Key)
		return c
	}
	var err error
	if strings.HasPrefix(v.Key, "(") { // published with its public key only: there is nothing to sign with
		v.Key = ""
	}
	if v.PublicKey != "" {
		if c.PublicKey, err = ParsePublicKey([]byte(v.PublicKey)); err != nil {
			t.Fatal(err)
		}
	}
	if v.Key == "" {
		return c
	}
	if c.PrivateKey, err = ParsePrivateKey([]byte(v.Key)); err != nil {
		t.Fatal(err)
	}
	return c
}

func vectors(t testing.TB) []vector {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "vectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []vector
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	if len(all) != 37 {
		t.Fatalf("%d vectors", len(all))
	}
	return all
}

func TestVectors(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			c := v.credentials(t)
			if got := Presign(v.Params); got != v.Presign {
				t.Fatalf("signed text\n%s\nwant\n%s", got, v.Presign)
			}
			if c.SignType == RSA && c.PrivateKey == nil {
				if err := c.Verify(v.Params, v.Charset, "RSA", v.Sign); err != nil {
					t.Fatal(err)
				}
				return
			}
			got, err := c.Sign(v.Params, Charset(v.Charset))
			if strings.Contains(v.Name, "unmappable") {
				if err == nil || !strings.Contains(err.Error(), "镕") {
					t.Fatalf("a character that gb2312 lacks: %q, %v", got, err)
				}
				return
			}
			if err != nil || got != v.Sign {
				t.Fatalf("sign %s (%v), want %s", got, err, v.Sign)
			}
			if v.PresignHex != "" {
				if b, err := Charset(v.Charset).Encode(v.Presign); err != nil || hex.EncodeToString(b) != v.PresignHex {
					t.Fatalf("bytes %x (%v), want %s", b, err, v.PresignHex)
				}
			}
			if c.SignType == MD5 || c.PublicKey != nil {
				if err := c.Verify(v.Params, v.Charset, string(v.SignType), v.Sign); err != nil {
					t.Fatal(err)
				}
				wrong := Params{"added": "1"}
				for k, value := range v.Params {
					wrong[k] = value
				}
				if c.Verify(wrong, v.Charset, string(v.SignType), v.Sign) == nil {
					t.Fatal("a parameter that was not signed verifies")
				}
			}
		})
	}
}

// The body must decode to the same values as the one that Alipay's own demo would send.
func TestVectorBodies(t *testing.T) {
	for _, v := range vectors(t) {
		if v.Body == "" || strings.Contains(v.Name, "unmappable") {
			continue
		}
		t.Run(v.Name, func(t *testing.T) {
			unsigned := maps.Clone(v.Params)
			delete(unsigned, "sign")
			delete(unsigned, "sign_type")
			ours, err := EncodeForm(unsigned, Charset(v.Charset))
			if err != nil {
				t.Fatal(err)
			}
			got, err := url.ParseQuery(string(ours))
			if err != nil {
				t.Fatal(err)
			}
			want, err := url.ParseQuery(v.Body)
			if err != nil {
				t.Fatal(err)
			}
			if got.Encode() != want.Encode() {
				t.Fatalf("body\n%s\nwant\n%s", got.Encode(), want.Encode())
			}
		})
	}
}

const testKey = "10000000000000000000000000000000" // a test key

func sampleDocument(t testing.TB, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "documents", name))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
