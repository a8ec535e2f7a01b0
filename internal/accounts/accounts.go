// Package accounts reads which merchant accounts a worker ships for: from a file, or one account from
// the environment. Keys come from files or variables, never from flags (A2), and every fault of the
// whole configuration is reported at once, before anything is opened or called.
package accounts

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"fahuo/internal/alipay"
	"fahuo/internal/outcome/webhook"
)

// Account is one merchant account as configured.
type Account struct {
	Name        string
	Interval    time.Duration // 0: the worker's own setting
	Preflight   bool
	Credentials *alipay.Credentials

	NotifyCharset string   // of its notifications: that in which its trades are created
	Sellers       []string // seller_ids besides the partner whose trades are the account's

	Webhooks []webhook.Webhook // who is told what has become of its shipments
	Warnings []string          // what is most likely a slip, and no reason not to start
}

// file is the accounts file.
type file struct {
	Accounts []entry `yaml:"accounts"`
}

type entry struct {
	Partner             string `yaml:"partner"`
	Name                string `yaml:"name"`
	SignType            string `yaml:"sign_type"`
	KeyFile             string `yaml:"key_file"`
	KeyEnv              string `yaml:"key_env"`
	PrivateKeyFile      string `yaml:"private_key_file"`
	AlipayPublicKeyFile string `yaml:"alipay_public_key_file"`
	InputCharset        string `yaml:"input_charset"`
	Interval            string `yaml:"interval"`
	Preflight           *bool  `yaml:"preflight"`

	NotifyCharset string   `yaml:"notify_charset"`
	Sellers       []string `yaml:"sellers"`

	Webhooks []webhook.Config `yaml:"webhooks"`
}

// Source is where accounts come from. Getenv stands for os.Getenv.
type Source struct {
	File   string // path of the accounts file; empty: the environment
	Getenv func(string) string
}

// Load reads all accounts, or reports every fault found.
func Load(s Source) ([]Account, error) {
	found, err := s.load()
	return found, s.discreet(err)
}

func (s Source) load() ([]Account, error) {
	fromEnv := s.Getenv("ALIPAY_PARTNER") != "" || s.Getenv("ALIPAY_KEY") != "" || s.Getenv("ALIPAY_KEY_FILE") != ""
	switch {
	case s.File != "" && fromEnv:
		return nil, errors.New("accounts are given twice: by --accounts (FAHUO_ACCOUNTS) and by ALIPAY_PARTNER/ALIPAY_KEY; use one of the two")
	case s.File == "" && !fromEnv:
		return nil, errors.New("no account is given: set ALIPAY_PARTNER and ALIPAY_KEY_FILE for one, or --accounts FILE for several (worker --sandbox needs none)")
	case s.File == "":
		return s.loadEnv()
	}
	return s.loadFile()
}

func (s Source) loadEnv() ([]Account, error) {
	e := entry{
		Partner: s.Getenv("ALIPAY_PARTNER"), SignType: s.Getenv("ALIPAY_SIGN_TYPE"), InputCharset: s.Getenv("ALIPAY_INPUT_CHARSET"),
		KeyFile: s.Getenv("ALIPAY_KEY_FILE"), PrivateKeyFile: s.Getenv("ALIPAY_PRIVATE_KEY_FILE"),
		AlipayPublicKeyFile: s.Getenv("ALIPAY_PUBLIC_KEY_FILE"), NotifyCharset: s.Getenv("ALIPAY_NOTIFY_CHARSET"),
		Sellers: strings.FieldsFunc(s.Getenv("ALIPAY_SELLERS"), func(r rune) bool { return r == ',' || r == ' ' }),
	}
	if e.Partner == "" {
		return nil, errors.New("ALIPAY_PARTNER is not set; it names the account whose key ALIPAY_KEY or ALIPAY_KEY_FILE holds")
	}
	if s.Getenv("ALIPAY_KEY") != "" {
		e.KeyEnv = "ALIPAY_KEY"
	}
	a, err := s.account(e, "")
	if err != nil {
		return nil, fmt.Errorf("the account of ALIPAY_PARTNER: %w", err)
	}
	return []Account{a}, nil
}

func (s Source) loadFile() ([]Account, error) {
	raw, err := os.ReadFile(s.File)
	if err != nil {
		return nil, fmt.Errorf("accounts file: %w", err)
	}
	entries, err := parse(raw)
	if err != nil {
		return nil, fmt.Errorf("accounts file %s: %w", s.File, err)
	}
	var accounts []Account
	var faults []error
	seen := make(map[string]bool)
	for i, e := range entries {
		a, err := s.account(e, filepath.Dir(s.File))
		if err == nil && seen[e.Partner] {
			err = errors.New("stands twice")
		}
		seen[e.Partner] = true
		if err != nil {
			faults = append(faults, fmt.Errorf("accounts file %s, account %d (%s): %w", s.File, i+1, e.Partner, err))
			continue
		}
		accounts = append(accounts, a)
	}
	return accounts, errors.Join(faults...)
}

// parse reads the YAML. An unknown key is an error: a misspelt one would silently do nothing.
func parse(raw []byte) ([]entry, error) {
	var f file
	// Without source lines in the error: a line of the file may hold what should not be in a log.
	if err := yaml.NewDecoder(bytes.NewReader(raw), yaml.Strict()).Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.New(yaml.FormatError(err, false, false))
	}
	if len(f.Accounts) == 0 {
		return nil, errors.New("there is no account in it, under the key accounts")
	}
	return f.Accounts, nil
}

func (s Source) account(e entry, dir string) (Account, error) {
	var faults []error
	note := func(err error) {
		if err != nil {
			faults = append(faults, err)
		}
	}
	a := Account{Name: e.Name, Preflight: e.Preflight == nil || *e.Preflight}
	c := &alipay.Credentials{Partner: e.Partner}
	a.Credentials = c
	var err error
	c.SignType, err = alipay.ParseSignType(orDefault(e.SignType, "MD5"))
	note(err)
	c.Charset, err = alipay.ParseCharset(orDefault(e.InputCharset, "utf-8"))
	note(err)
	a.NotifyCharset = string(c.Charset)
	if e.NotifyCharset != "" {
		a.NotifyCharset, err = alipay.ParseNotifyCharset(e.NotifyCharset)
		note(err)
	}
	a.Sellers = e.Sellers
	note(checkSellers(e))
	if e.Interval != "" {
		if a.Interval, err = time.ParseDuration(e.Interval); err != nil || a.Interval <= 0 {
			note(fmt.Errorf("interval %q is not a duration above zero such as 10s", e.Interval))
		}
	}
	note(s.readKeys(c, e, dir))
	a.Webhooks, err = webhook.Load(e.Webhooks, dir, s.Getenv)
	note(err)
	if len(faults) == 0 {
		note(c.Validate())
		a.Warnings = warnings(c, e, dir)
	}
	return a, errors.Join(faults...)
}

// checkSellers refuses what cannot be a seller_id: nothing would ever come for it, and nobody would learn why.
func checkSellers(e entry) error {
	for i, seller := range e.Sellers {
		if len(seller) != 16 || !strings.HasPrefix(seller, "2088") || strings.Trim(seller, "0123456789") != "" {
			return fmt.Errorf("sellers (ALIPAY_SELLERS): number %d is not 16 digits beginning with 2088", i+1)
		}
	}
	return nil
}

func (s Source) readKeys(c *alipay.Credentials, e entry, dir string) error {
	if c.SignType == alipay.RSA {
		return readRSA(c, e, dir)
	}
	switch {
	case e.KeyFile != "" && e.KeyEnv != "":
		return errors.New("the key is given twice, by file and by variable; use one of the two")
	case e.KeyFile != "":
		raw, err := readSecret(relative(dir, e.KeyFile))
		if err != nil {
			return fmt.Errorf("key file: %w", err)
		}
		if c.Key = alipay.NewSecret(strings.TrimSpace(string(raw))); c.Key.IsZero() {
			return fmt.Errorf("the key file %s is empty", relative(dir, e.KeyFile))
		}
	case e.KeyEnv != "":
		c.Key = alipay.NewSecret(strings.TrimSpace(s.Getenv(e.KeyEnv)))
		if c.Key.IsZero() {
			return fmt.Errorf("the variable %s, which should hold the key, is empty", e.KeyEnv)
		}
	}
	if c.Key.IsZero() {
		return errors.New("the key is missing or empty; give key_file (ALIPAY_KEY_FILE) or key_env (ALIPAY_KEY)")
	}
	return nil
}

func readRSA(c *alipay.Credentials, e entry, dir string) error {
	if e.PrivateKeyFile == "" || e.AlipayPublicKeyFile == "" {
		return errors.New("sign type RSA needs private_key_file (ALIPAY_PRIVATE_KEY_FILE) and alipay_public_key_file (ALIPAY_PUBLIC_KEY_FILE)")
	}
	private, err := readSecret(relative(dir, e.PrivateKeyFile))
	if err != nil {
		return fmt.Errorf("private key: %w", err)
	}
	if c.PrivateKey, err = alipay.ParsePrivateKey(private); err != nil {
		return fmt.Errorf("private key %s: %w", e.PrivateKeyFile, err)
	}
	public, err := os.ReadFile(relative(dir, e.AlipayPublicKeyFile))
	if err != nil {
		return fmt.Errorf("public key of Alipay: %w", err)
	}
	if c.PublicKey, err = alipay.ParsePublicKey(public); err != nil {
		return fmt.Errorf("public key of Alipay, %s: %w", e.AlipayPublicKeyFile, err)
	}
	return nil
}

func relative(dir, path string) string {
	if dir == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

func orDefault(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
