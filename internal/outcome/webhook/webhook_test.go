package webhook

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLoadReportsEveryFault(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"good": testSecret + "\n", "short": "whsec_c2hvcnQ=", "bare": "0123456789abcdef0123456789abcdef", "empty": "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	good := Config{URL: "https://erp.example.com/alipay", SecretFiles: []string{"good"}}
	for name, c := range map[string]struct {
		change func(*Config)
		want   string // empty: it is good
	}{
		"good":            {func(*Config) {}, ""},
		"no url":          {func(c *Config) { c.URL = "" }, "https://erp.example.com"},
		"no host":         {func(c *Config) { c.URL = "https:///x" }, "https://erp.example.com"},
		"plain http":      {func(c *Config) { c.URL = "http://erp.example.com/" }, "use https"},
		"plain, at home":  {func(c *Config) { c.URL, c.AllowPrivate = "http://erp/", true }, ""},
		"ftp":             {func(c *Config) { c.URL = "ftp://erp.example.com/" }, "ftp and not with https"},
		"password":        {func(c *Config) { c.URL = "https://u:geheim@erp.example.com/" }, "user or password"},
		"fragment":        {func(c *Config) { c.URL += "#x" }, "never sent"},
		"private":         {func(c *Config) { c.URL = "https://192.168.1.7/" }, "allow_private: true"},
		"this machine":    {func(c *Config) { c.URL = "https://localhost:8443/" }, "allow_private: true"},
		"private allowed": {func(c *Config) { c.URL, c.AllowPrivate = "https://192.168.1.7/", true }, ""},
		"name":            {func(c *Config) { c.Name = "a b" }, "letters, digits"},
		"long name":       {func(c *Config) { c.Name = strings.Repeat("a", 65) }, "more than 64"},
		"no secret":       {func(c *Config) { c.SecretFiles = nil }, "secret_files or secret_envs"},
		"no such file":    {func(c *Config) { c.SecretFiles = []string{"nowhere"} }, "nowhere"},
		"short":           {func(c *Config) { c.SecretFiles = []string{"short"} }, "24 to 64"},
		"not whsec":       {func(c *Config) { c.SecretFiles = []string{"bare"} }, "openssl rand"},
		"empty":           {func(c *Config) { c.SecretFiles = []string{"good", "empty"} }, "it is empty"},
		"empty variable":  {func(c *Config) { c.SecretEnvs = []string{"NOTHING"} }, "the variable NOTHING"},
	} {
		config := good
		c.change(&config)
		_, err := Load([]Config{config}, dir, func(string) string { return "" })
		if (err == nil) != (c.want == "") || (err != nil && !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if err != nil && (strings.Contains(err.Error(), "geheim") || strings.Contains(err.Error(), "c2hvcnQ") || strings.Contains(err.Error(), "0123456789abcdef")) {
			t.Errorf("%s: a secret is in the error: %v", name, err)
		}
	}
	_, err := Load([]Config{good, good, {URL: "http://x"}}, dir, func(string) string { return "" })
	if err == nil || !strings.Contains(err.Error(), "webhook 2 (webhook): another one has the same name") || !strings.Contains(err.Error(), "webhook 3") {
		t.Errorf("two of one name, and a third that is wrong: %v", err)
	}
}

// Nothing that prints a webhook shows its secret; what people are shown leaves the query out, too.
func TestNothingShowsASecret(t *testing.T) {
	w, err := load(t, Config{URL: "https://erp.example.com/alipay?token=hidden"})
	if err != nil {
		t.Fatal(err)
	}
	if shown := w.Shown(); shown != "https://erp.example.com/alipay?…" {
		t.Errorf("shown as %s", shown)
	}
	raw := "the-secret-of-a-test"
	asJSON, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{fmt.Sprint(w), fmt.Sprintf("%+v", w), fmt.Sprintf("%#v", w), string(asJSON)} {
		for _, secret := range []string{raw, testSecret, "116 104 101 45", "0x74, 0x68"} {
			if strings.Contains(text, secret) {
				t.Errorf("%q is in %s", secret, text)
			}
		}
	}
}
