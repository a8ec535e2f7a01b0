package accounts_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fahuo/internal/accounts"
	"fahuo/internal/alipay"
)

const testKey = "accounts-test-key-0123456789abcd" // a test key

// dir is a directory with a key file, a pair of RSA keys and an accounts file.
func dir(t testing.TB, yaml string) (path string) {
	t.Helper()
	d := t.TempDir()
	key, err := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // a throw-away key
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"key": testKey + "\n", "empty": "\n", "accounts.yaml": yaml,
		"private.pem": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})),
		"public.pem":  string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})),
	} {
		if err := os.WriteFile(filepath.Join(d, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(d, "accounts.yaml")
}

func env(pairs ...string) func(string) string {
	values := map[string]string{}
	for pair := range slices.Chunk(pairs, 2) {
		values[pair[0]] = pair[1]
	}
	return func(name string) string { return values[name] }
}

func TestLoadFile(t *testing.T) {
	path := dir(t, `
accounts:
  - partner: "2088900000000001"
    name: 旗舰店
    key_file: key
    interval: 12s
    preflight: false
  - partner: "2088900000000002"
    sign_type: RSA
    input_charset: GBK
    private_key_file: private.pem
    alipay_public_key_file: public.pem
  - partner: "2088900000000003"
    key_env: THIRD
    notify_charset: GB18030
    sellers: ["2088900000000031", "2088900000000032"]
`)
	got, err := accounts.Load(accounts.Source{File: path, Getenv: env("THIRD", testKey)})
	if err != nil || len(got) != 3 {
		t.Fatal(got, err)
	}
	first, second, third := got[0], got[1], got[2]
	if first.Name != "旗舰店" || first.Interval != 12*time.Second || first.Preflight || first.Credentials.Key.Reveal() != testKey || first.Credentials.SignType != alipay.MD5 {
		t.Errorf("%+v", first)
	}
	if second.Credentials.SignType != alipay.RSA || second.Credentials.Charset != alipay.GBK || second.Credentials.PrivateKey == nil || !second.Preflight || second.Interval != 0 {
		t.Errorf("%+v", second)
	}
	if first.NotifyCharset != "utf-8" || second.NotifyCharset != "gbk" || len(first.Sellers) != 0 {
		t.Errorf("notifications come in the account's charset unless it is said otherwise: %+v %+v", first, second)
	}
	if third.NotifyCharset != "gb18030" || !slices.Equal(third.Sellers, []string{"2088900000000031", "2088900000000032"}) {
		t.Errorf("%+v", third)
	}
	if third.Credentials.Key.Reveal() != testKey || third.Credentials.Charset != alipay.UTF8 {
		t.Errorf("%+v", third)
	}
}

func TestLoadEnvironment(t *testing.T) {
	path := dir(t, "")
	for name, getenv := range map[string]func(string) string{
		"key":  env("ALIPAY_PARTNER", "2088900000000001", "ALIPAY_KEY", testKey),
		"file": env("ALIPAY_PARTNER", "2088900000000001", "ALIPAY_KEY_FILE", filepath.Join(filepath.Dir(path), "key")),
	} {
		got, err := accounts.Load(accounts.Source{Getenv: getenv})
		if err != nil || len(got) != 1 || got[0].Credentials.Key.Reveal() != testKey || !got[0].Preflight {
			t.Errorf("%s: %v %v", name, got, err)
		}
	}
	got, err := accounts.Load(accounts.Source{Getenv: env("ALIPAY_PARTNER", "2088900000000001", "ALIPAY_KEY", testKey,
		"ALIPAY_NOTIFY_CHARSET", "gbk", "ALIPAY_SELLERS", "2088900000000031, 2088900000000032")})
	if err != nil || got[0].NotifyCharset != "gbk" || !slices.Equal(got[0].Sellers, []string{"2088900000000031", "2088900000000032"}) {
		t.Errorf("%v %v", got, err)
	}
}

// What is most likely a slip is told without refusing to start, and without the key.
func TestWarnings(t *testing.T) {
	const long = testKey + "X"
	path := dir(t, `
accounts:
  - {partner: "2088900000000001", key_file: key}
  - {partner: "2088900000000002", sign_type: RSA, private_key_file: private.pem, alipay_public_key_file: public.pem}
  - {partner: "2088900000000003", key_env: LONG}
`)
	got, err := accounts.Load(accounts.Source{File: path, Getenv: env("LONG", long)})
	if err != nil || len(got) != 3 {
		t.Fatal(got, err)
	}
	if len(got[0].Warnings)+len(got[1].Warnings) != 0 {
		t.Errorf("%q %q", got[0].Warnings, got[1].Warnings)
	}
	third := strings.Join(got[2].Warnings, "|")
	if !strings.Contains(third, "its MD5 key has 33 characters, Alipay's have 32") || strings.Contains(third, testKey) {
		t.Errorf("%q", third)
	}
}

// A key that others may read or write is not used (A2), by whatever way its file is named; a public key is no secret.
// One account's open file keeps no other from being read.
func TestAKeyFileThatIsOpenToOthersIsRefused(t *testing.T) {
	yaml := `
accounts:
  - {partner: "2088900000000001", key_file: key}
  - {partner: "2088900000000002", sign_type: RSA, private_key_file: private.pem, alipay_public_key_file: public.pem}
`
	for name, c := range map[string]struct {
		file    string
		mode    os.FileMode
		refused bool
	}{
		"the owner's alone":       {"key", 0o600, false},
		"read only":               {"key", 0o400, false},
		"with a needless bit":     {"key", 0o700, false},
		"the group may read":      {"key", 0o640, true},
		"others may read":         {"key", 0o604, true},
		"all may read":            {"key", 0o444, true},
		"the group may write":     {"key", 0o620, true},
		"others may run":          {"key", 0o601, true},
		"a private key for all":   {"private.pem", 0o644, true},
		"a public key for all":    {"public.pem", 0o644, false},
		"the accounts file, open": {"accounts.yaml", 0o644, false},
	} {
		t.Run(name, func(t *testing.T) {
			path := dir(t, yaml)
			file := filepath.Join(filepath.Dir(path), c.file)
			if err := os.Chmod(file, c.mode); err != nil {
				t.Fatal(err)
			}
			got, err := accounts.Load(accounts.Source{File: path, Getenv: env()})
			if !c.refused {
				if err != nil || len(got) != 2 {
					t.Fatal(got, err)
				}
				return
			}
			var open *accounts.PermissionError
			want := fmt.Sprintf("mode %04o), so the key in it is not used; make it the worker's alone: chmod 600 %s", c.mode, file)
			if !errors.As(err, &open) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), testKey) || len(got) != 1 {
				t.Errorf("%v, and %v", got, err)
			}
		})
	}
	path := dir(t, "")
	file, link := filepath.Join(filepath.Dir(path), "key"), filepath.Join(filepath.Dir(path), "link")
	if err := errors.Join(os.Chmod(file, 0o644), os.Symlink(file, link)); err != nil { //nolint:gosec // on purpose
		t.Fatal(err)
	}
	_, err := accounts.Load(accounts.Source{Getenv: env("ALIPAY_PARTNER", "2088900000000001", "ALIPAY_KEY_FILE", link)})
	if err == nil || !strings.Contains(err.Error(), "mode 0644") {
		t.Errorf("by a variable and through a link: %v", err)
	}
}

// Every fault is reported, all of a file together, and no error shows a key.
func TestFaults(t *testing.T) {
	one := func(lines string) string { return "accounts:\n  - partner: \"2088900000000001\"\n" + lines }
	for name, c := range map[string]struct {
		yaml string
		env  func(string) string
		want []string
	}{
		"nothing":             {"", nil, []string{"no account"}},
		"no list":             {"accounts: []\n", nil, []string{"no account"}},
		"no YAML":             {"accounts: [", nil, []string{"accounts file"}},
		"an unknown key":      {one("    key_flie: key\n"), nil, []string{"key_flie"}},
		"no key":              {one(""), nil, []string{"key is missing"}},
		"an empty key":        {one("    key_file: empty\n"), nil, []string{"empty is empty"}},
		"an empty variable":   {one("    key_env: NOPE\n"), nil, []string{"NOPE"}},
		"two keys":            {one("    key_file: key\n    key_env: X\n"), nil, []string{"given twice"}},
		"no such key file":    {one("    key_file: nowhere\n"), nil, []string{"nowhere"}},
		"RSA without keys":    {one("    sign_type: RSA\n"), nil, []string{"private_key_file"}},
		"RSA, no such file":   {one("    sign_type: RSA\n    private_key_file: a\n    alipay_public_key_file: public.pem\n"), nil, []string{"private key"}},
		"RSA, no private":     {one("    sign_type: RSA\n    private_key_file: key\n    alipay_public_key_file: public.pem\n"), nil, []string{"private key"}},
		"RSA, no public file": {one("    sign_type: RSA\n    private_key_file: private.pem\n    alipay_public_key_file: b\n"), nil, []string{"public key"}},
		"RSA, no public":      {one("    sign_type: RSA\n    private_key_file: private.pem\n    alipay_public_key_file: key\n"), nil, []string{"public key"}},
		"DSA and big5":        {one("    sign_type: DSA\n    input_charset: big5\n    interval: soon\n    key_file: key\n"), nil, []string{"DSA", "big5", "soon"}},
		"a negative interval": {one("    interval: -1s\n    key_file: key\n"), nil, []string{"-1s"}},
		"notify charset":      {one("    key_file: key\n    notify_charset: big5\n"), nil, []string{"notify charset"}},
		"a seller":            {one("    key_file: key\n    sellers: [\"2088900000000031\", \"shop\"]\n"), nil, []string{"sellers (ALIPAY_SELLERS): number 2"}},
		"twice":               {one("    key_file: key\n") + "  - partner: \"2088900000000001\"\n    key_file: key\n", nil, []string{"stands twice"}},
		"two faulty accounts": {one("") + "  - partner: \"77\"\n    key_file: key\n", nil, []string{"account 1", "account 2", "77"}},
		"file and variables":  {one("    key_file: key\n"), env("ALIPAY_KEY", testKey), []string{"given twice"}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.env == nil {
				c.env = env()
			}
			got, err := accounts.Load(accounts.Source{File: dir(t, c.yaml), Getenv: c.env})
			if err == nil {
				t.Fatalf("accepted: %v", got)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in: %v", want, err)
				}
			}
			if strings.Contains(err.Error(), testKey) {
				t.Errorf("the error shows the key: %v", err)
			}
		})
	}
	for name, c := range map[string]struct {
		getenv func(string) string
		want   string
	}{
		"nothing at all": {env(), "no account is given"},
		"no partner":     {env("ALIPAY_KEY", testKey), "ALIPAY_PARTNER is not set"},
		"no key":         {env("ALIPAY_PARTNER", "2088900000000001"), "key is missing"},
	} {
		if _, err := accounts.Load(accounts.Source{Getenv: c.getenv}); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), testKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := accounts.Load(accounts.Source{File: "no-such-file.yaml", Getenv: env()}); err == nil || !strings.Contains(err.Error(), "no-such-file.yaml") {
		t.Error(err)
	}
}

// What looks like a key is hidden wherever it was put by mistake; what does not is named, and so are paths.
func TestErrorsAreDiscreet(t *testing.T) {
	const rsaKey = "MIICXQIBAAKBgQC+fake/fake+fake/fake+fake/fake=" // the form of one
	for _, key := range []string{inlineKey, rsaKey, "-----BEGIN RSA PRIVATE KEY-----\\n" + rsaKey} {
		_, err := accounts.Load(accounts.Source{Getenv: env("ALIPAY_PARTNER", "2088900000000001", "ALIPAY_KEY_FILE", key)})
		if err == nil || strings.Contains(err.Error(), key[len(key)-20:]) || !strings.Contains(err.Error(), "***") || !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%v", err)
		}
	}
	path := filepath.Join(t.TempDir(), inlineKey, "accounts.yaml") // a directory may well be called so
	if _, err := accounts.Load(accounts.Source{File: path, Getenv: env()}); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("%v", err)
	}
}

// inlineKey is a test key of the form that Alipay gives out: 32 letters and digits.
const inlineKey = "q8w7e6r5t4y3u2i1o0p9a8s7d6f5g4h3"

// FuzzLoad reads any text as an accounts file: there are accounts that can sign, or an error; and neither
// shows a key, be it one that was rightly referred to or one that somebody put into the file itself (A2).
func FuzzLoad(f *testing.F) {
	f.Add("accounts:\n  - partner: \"2088900000000001\"\n    key_env: K\n")
	f.Add("accounts: {a: b}")
	f.Add("- &a [*a]")
	path := dir(f, "")
	getenv := func(name string) string {
		if name == "K" {
			return testKey
		}
		return ""
	}
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := accounts.Load(accounts.Source{File: path, Getenv: getenv})
		if err == nil && len(got) == 0 {
			t.Fatal("neither accounts nor an error")
		}
		for _, a := range got {
			if fault := a.Credentials.Validate(); fault != nil || a.Interval < 0 {
				t.Fatalf("an account that cannot sign: %v", fault)
			}
		}
		if shown := fmt.Sprintf("%v %+v", err, got); strings.Contains(shown, testKey) {
			t.Fatalf("the key is shown: %s", shown)
		}
		if err != nil && strings.Contains(err.Error(), inlineKey) {
			t.Fatalf("a key that was put into the file is shown: %v", err)
		}
	})
}
