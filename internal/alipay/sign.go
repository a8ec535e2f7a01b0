package alipay

import (
	"crypto"
	"crypto/md5"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Params are the parameters of a request, or the fields of an answer, by name, as text.
type Params map[string]string

// SignType is how a message is signed.
type SignType string

// The ways of signing that are offered.
const (
	MD5 SignType = "MD5" // lower-case hex of MD5(text + key)
	RSA SignType = "RSA" // base64 of RSA with SHA-1, PKCS #1 v1.5
)

// ParseSignType reads a sign type, which is written in capitals.
func ParseSignType(name string) (SignType, error) {
	switch t := SignType(name); t {
	case MD5, RSA:
		return t, nil
	case "DSA":
		return "", errors.New("sign type DSA is documented by Alipay without its encoding and is not offered; use MD5 or RSA")
	case "RSA2":
		return "", errors.New("sign type RSA2 does not exist in this gateway; use MD5 or RSA")
	}
	return "", fmt.Errorf("sign type %q is not MD5 or RSA", name)
}

// names lists what is sent and signed: every parameter with a value, a to z by byte (G1, G2). A single
// space or "0" is a value.
func (p Params) names() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(p)), func(name string) bool { return p[name] == "" })
}

// Presign is the text that is signed: name=value joined by &, sorted by name, values raw, without sign,
// sign_type and empty values (G1, G2).
func Presign(p Params) string {
	var pairs []string
	for _, name := range p.names() {
		if name != "sign" && name != "sign_type" {
			pairs = append(pairs, name+"="+p[name])
		}
	}
	return strings.Join(pairs, "&")
}

// Sign signs the bytes of p's text in a charset.
func (c *Credentials) Sign(p Params, cs Charset) (string, error) {
	text, err := cs.Encode(Presign(p))
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	switch c.SignType {
	case MD5:
		return c.md5(text), nil
	case RSA:
		if c.PrivateKey == nil {
			return "", errors.New("sign: no private key")
		}
		digest := sha1.Sum(text)
		sign, err := rsa.SignPKCS1v15(nil, c.PrivateKey, crypto.SHA1, digest[:])
		if err != nil {
			return "", errors.New("sign: the private key cannot sign")
		}
		return base64.StdEncoding.EncodeToString(sign), nil
	}
	return "", fmt.Errorf("sign: sign type %q is not offered", c.SignType)
}

func (c *Credentials) md5(text []byte) string {
	digest := md5.Sum(append(slices.Clip(text), c.Key.Reveal()...))
	return hex.EncodeToString(digest[:])
}

// Verify checks a signature over p's text in a charset. The sign type must be the configured one: it is
// not signed itself, so an attacker could choose it.
func (c *Credentials) Verify(p Params, charset, signType, sign string) error {
	text, err := encodeAnswer(charset, Presign(p))
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	return c.verifyText(text, signType, sign)
}

// verifyText is Verify over bytes that are at hand. Without a key nothing verifies: the MD5 of a text
// alone is anybody's to compute.
func (c *Credentials) verifyText(text []byte, signType, sign string) error {
	if SignType(signType) != c.SignType {
		return fmt.Errorf("verify: it is signed by %q, configured is %s", clip(signType, 20), c.SignType)
	}
	switch c.SignType {
	case MD5:
		if c.Key.IsZero() || subtle.ConstantTimeCompare([]byte(c.md5(text)), []byte(sign)) != 1 {
			return errWrongSignature
		}
		return nil
	case RSA:
		raw, err := base64.StdEncoding.DecodeString(sign)
		if err != nil || c.PublicKey == nil {
			return errWrongSignature
		}
		digest := sha1.Sum(text)
		if rsa.VerifyPKCS1v15(c.PublicKey, crypto.SHA1, digest[:], raw) != nil {
			return errWrongSignature
		}
		return nil
	}
	return fmt.Errorf("verify: sign type %q is not offered", c.SignType)
}

var errWrongSignature = errors.New("the signature is wrong")
