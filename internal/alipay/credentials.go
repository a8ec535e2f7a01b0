package alipay

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// Credentials are what a merchant's requests are signed with and Alipay's answers verified. Its keys
// never print (A2).
type Credentials struct {
	Partner    string
	SignType   SignType
	Charset    Charset
	Key        Secret          // MD5
	PrivateKey *rsa.PrivateKey // RSA: the merchant's
	PublicKey  *rsa.PublicKey  // RSA: Alipay's
}

// minRSABits is the shortest key that Go's crypto/rsa works with; Alipay's own has 1024.
const minRSABits = 1024

// Validate tells everything that is wrong or missing, without showing any of it: a key that was put in
// the partner's place must not end in a log (A2).
func (c *Credentials) Validate() error {
	var faults []error
	if _, err := ParseCharset(string(c.Charset)); err != nil {
		faults = append(faults, err)
	}
	if len(c.Partner) != 16 || !strings.HasPrefix(c.Partner, "2088") || strings.Trim(c.Partner, "0123456789") != "" {
		faults = append(faults, errors.New("the partner is not 16 digits beginning with 2088"))
	}
	switch c.SignType {
	case MD5:
		switch {
		case c.Key.IsZero():
			faults = append(faults, errors.New("the MD5 key is missing"))
		case strings.ContainsAny(c.Key.Reveal(), " \t\r\n"):
			faults = append(faults, errors.New("the MD5 key has a blank or a line break in it; was more than the key copied?"))
		}
	case RSA:
		switch {
		case c.PrivateKey == nil || c.PublicKey == nil:
			faults = append(faults, errors.New("RSA needs the merchant's private key and Alipay's public key"))
		case c.PrivateKey.N.BitLen() < minRSABits || c.PublicKey.N.BitLen() < minRSABits:
			faults = append(faults, fmt.Errorf("an RSA key has less than %d bits and cannot be used", minRSABits))
		}
	default:
		_, err := ParseSignType(string(c.SignType))
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

// Equal tells whether two sign and verify alike.
func (c *Credentials) Equal(o *Credentials) bool {
	return c.Partner == o.Partner && c.SignType == o.SignType && c.Charset == o.Charset && c.Key.Reveal() == o.Key.Reveal() &&
		(c.PrivateKey == nil) == (o.PrivateKey == nil) && (c.PrivateKey == nil || c.PrivateKey.Equal(o.PrivateKey)) &&
		(c.PublicKey == nil) == (o.PublicKey == nil) && (c.PublicKey == nil || c.PublicKey.Equal(o.PublicKey))
}

// Format implements fmt.Formatter: partner and ways, no key.
func (c Credentials) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, c.String()) }

// String names the account without its keys.
func (c Credentials) String() string {
	return fmt.Sprintf("account %s (%s, %s, key %s)", c.Partner, c.SignType, c.Charset, hidden)
}

// MarshalText is String; no JSON of it holds a key.
func (c Credentials) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// ParsePrivateKey reads an RSA private key: PEM (PKCS #1 or #8) or bare base64 of either.
func ParsePrivateKey(raw []byte) (*rsa.PrivateKey, error) {
	der, err := derOf(raw)
	if err != nil {
		return nil, err
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, nil
	}
	// The parser's own errors are left out: they may quote the key.
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		if key, ok := key.(*rsa.PrivateKey); ok {
			return key, nil
		}
	}
	return nil, errors.New("it is not an RSA private key (PKCS #1 or PKCS #8)")
}

// ParsePublicKey reads an RSA public key: PEM or bare base64, as Alipay shows it.
func ParsePublicKey(raw []byte) (*rsa.PublicKey, error) {
	der, err := derOf(raw)
	if err != nil {
		return nil, err
	}
	if key, err := x509.ParsePKIXPublicKey(der); err == nil {
		if key, ok := key.(*rsa.PublicKey); ok {
			return key, nil
		}
	}
	if key, err := x509.ParsePKCS1PublicKey(der); err == nil {
		return key, nil
	}
	return nil, errors.New("it is not an RSA public key")
}

func derOf(raw []byte) ([]byte, error) {
	if block, _ := pem.Decode(raw); block != nil {
		return block.Bytes, nil
	}
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(string(raw)), ""))
	if err != nil || len(der) == 0 {
		return nil, errors.New("it is neither PEM nor base64")
	}
	return der, nil
}
