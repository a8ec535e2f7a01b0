// Package webhook is an endpoint as configured, and one message to it: what a file says about it, the message's
// signatures, and the client that sends it to nowhere but where it may go.
//
// Messages follow the Standard Webhooks convention: headers webhook-id, webhook-timestamp and webhook-signature, the
// last with one signature for every secret, so that secrets can be exchanged without a message that somebody cannot
// verify. Secrets are never shown (A2).
package webhook

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// Config is a webhook as it stands in a file of accounts or of tokens.
type Config struct {
	Name         string   `yaml:"name"`          // what it is known by; those of one owner have different ones; default "webhook"
	URL          string   `yaml:"url"`           // https://…; plain http only to loopback or with allow_private
	SecretFiles  []string `yaml:"secret_files"`  // files with one secret each (whsec_…), relative to the file that this stands in
	SecretEnvs   []string `yaml:"secret_envs"`   // variables with one secret each
	AllowPrivate bool     `yaml:"allow_private"` // addresses that are not public may be called
}

// Webhook is an endpoint that can be sent to.
type Webhook struct {
	Name         string
	URL          string
	AllowPrivate bool

	signers []*standardwebhooks.Webhook
}

const defaultName = "webhook"

// Load reads the webhooks of one owner, secrets included, or reports every fault. Getenv stands for os.Getenv.
func Load(configs []Config, dir string, getenv func(string) string) ([]Webhook, error) {
	var all []Webhook
	var faults []error
	seen := make(map[string]bool)
	for i, c := range configs {
		if c.Name == "" {
			c.Name = defaultName
		}
		w, err := c.load(dir, getenv)
		if seen[c.Name] {
			err = errors.Join(err, errors.New("another one has the same name; give each a name of its own"))
		}
		seen[c.Name] = true
		if err != nil {
			faults = append(faults, fmt.Errorf("webhook %d (%s): %w", i+1, c.Name, err))
			continue
		}
		all = append(all, w)
	}
	return all, errors.Join(faults...)
}

func (c Config) load(dir string, getenv func(string) string) (Webhook, error) {
	w := Webhook{Name: c.Name, URL: c.URL, AllowPrivate: c.AllowPrivate}
	faults := []error{checkName(c.Name), c.checkURL()}
	add := func(from, secret string, err error) {
		var signer *standardwebhooks.Webhook
		if err == nil {
			signer, err = newSigner(strings.TrimSpace(secret))
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("the secret in %s: %w", from, err))
			return
		}
		w.signers = append(w.signers, signer)
	}
	for _, file := range c.SecretFiles {
		if dir != "" && !filepath.IsAbs(file) {
			file = filepath.Join(dir, file)
		}
		raw, err := os.ReadFile(file) //nolint:gosec // the file that the operator names
		add(file, string(raw), err)
	}
	for _, name := range c.SecretEnvs {
		add("the variable "+name, getenv(name), nil)
	}
	if len(c.SecretFiles)+len(c.SecretEnvs) == 0 {
		faults = append(faults, errors.New("it has no secret; give secret_files or secret_envs"))
	}
	return w, errors.Join(faults...)
}

// maxName is how long a webhook's name may be.
const maxName = 64

func checkName(name string) error {
	ok := func(r rune) bool {
		return r == '-' || r == '_' || r == '.' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
	}
	if len(name) > maxName || strings.ContainsFunc(name, func(r rune) bool { return !ok(r) }) {
		return fmt.Errorf("the name %q has other characters than letters, digits, ., - and _, or more than %d", name, maxName)
	}
	return nil
}

func (c Config) checkURL() error {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		return errors.New("its url is not one such as https://erp.example.com/alipay") // not shown: it may hold a password
	case u.User != nil:
		return errors.New("its url holds a user or password; the signature is what tells the receiver who sends")
	case u.Fragment != "":
		return errors.New("its url has a #, which is never sent")
	case u.Scheme == "http" && !c.AllowPrivate:
		return errors.New("its url is plain http, which anybody on the way can read; use https, or allow_private: true for a receiver in your own network")
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("its url begins with %s and not with https", u.Scheme)
	case !c.AllowPrivate && private(u.Hostname()):
		return errNotPublic(u.Hostname())
	}
	return nil
}

// Shown is the URL for people: a query may hold what is to be kept to oneself.
func (w Webhook) Shown() string {
	u, err := url.Parse(w.URL)
	if err != nil {
		return ""
	}
	if u.RawQuery != "" {
		u.RawQuery = "…"
	}
	return u.String()
}
