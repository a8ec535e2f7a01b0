package alipay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

// fmt does not ask Format everywhere: not for unexported fields, not for %p, and not for %w of what is no
// error. Nor does it there show the key.
func TestKeysDoNotPrintWhereFormatIsNotAsked(t *testing.T) {
	const key = "topsecretkey0123456789" // a test key
	secret := NewSecret(key)
	creds := Credentials{Partner: parcel.Partner, SignType: MD5, Charset: UTF8, Key: secret}
	inside := struct {
		secret Secret
		creds  Credentials
		point  *Credentials
		list   []Secret
		byName map[string]Secret
	}{secret, creds, &creds, []Secret{secret}, map[string]Secret{"a": secret}}
	for _, v := range []any{secret, &secret, creds, &creds, inside, &inside, []any{inside}} {
		for _, verb := range []string{"v", "+v", "#v", "s", "q", "x", "X", "d", "t", "e", "U", "b", "c", "p", "w", "T", "z"} {
			format := "%" + verb // not a constant: vet would rightly refuse half of them
			for _, text := range []string{fmt.Sprintf(format, v), fmt.Errorf(format, v).Error()} {
				for _, shown := range []string{key, fmt.Sprintf("%x", key), fmt.Sprintf("%X", key), fmt.Sprintf("%v", []byte(key))} {
					if strings.Contains(text, shown) {
						t.Errorf("%s of %T shows the key: %s", format, v, text)
					}
				}
			}
		}
	}
}

func TestKeysDoNotLog(t *testing.T) {
	const key = "topsecretkey0123456789" // a test key
	var out bytes.Buffer
	creds := &Credentials{Partner: parcel.Partner, SignType: MD5, Charset: UTF8, Key: NewSecret(key)}
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(handler).Info("m", "secret", creds.Key, "creds", creds, "value", *creds, "list", []Secret{creds.Key})
	}
	z := zerolog.New(&out)
	z.Info().Interface("secret", creds.Key).Any("creds", creds).Any("value", *creds).Stringer("s", creds.Key).Fields(map[string]any{"k": creds.Key}).Msg("m")
	text, err := creds.Key.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	out.Write(text)
	if err := json.NewEncoder(&out).Encode(map[string]any{"a": creds, "b": *creds, "c": creds.Key}); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); strings.Contains(got, key) || !strings.Contains(got, hidden) {
		t.Errorf("logged: %s", got)
	}
}

// A key that was put in the partner's place, or anywhere else by mistake, is in no error.
func TestNoErrorShowsTheKey(t *testing.T) {
	const key = "topsecretkey0123456789" // a test key
	c := newClient(t, Options{Gateway: "http://127.0.0.1:1/gateway.do"})
	for name, creds := range map[string]*Credentials{
		"as partner":      {Partner: key, SignType: MD5, Charset: UTF8, Key: NewSecret(key)},
		"with a blank":    {Partner: parcel.Partner, SignType: MD5, Charset: UTF8, Key: NewSecret(key + " ")},
		"no sign type":    {Partner: parcel.Partner, Charset: UTF8, Key: NewSecret(key)},
		"no charset":      {Partner: parcel.Partner, SignType: MD5, Key: NewSecret(key)},
		"RSA without key": {Partner: parcel.Partner, SignType: RSA, Charset: UTF8, Key: NewSecret(key)},
	} {
		err := creds.Validate()
		if err == nil {
			t.Errorf("%s: valid", name)
		}
		_, signErr := creds.Sign(Params{"a": "b"}, "none")
		_, _, _ = c.Query(t.Context(), creds, tradeNo)
		a := ParseQueryAnswer(creds, tradeNo, 200, "", []byte(signedAnswer(t, "trade", Params{"trade_no": tradeNo})))
		for _, e := range []error{err, signErr, creds.Verify(Params{}, "utf-8", "MD5", "x"), a.Err} {
			if e != nil && strings.Contains(fmt.Sprintf("%v %+v %#v", e, e, e), key) {
				t.Errorf("%s: %v", name, e)
			}
		}
	}
	for _, raw := range []string{key, "-----BEGIN PRIVATE KEY-----\n" + key + "\n-----END PRIVATE KEY-----"} {
		if _, err := ParsePrivateKey([]byte(raw)); err == nil || strings.Contains(err.Error(), key) {
			t.Errorf("private key: %v", err)
		}
	}
}
