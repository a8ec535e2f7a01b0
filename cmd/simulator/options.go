package main

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"fahuo/internal/alipay"
	"fahuo/internal/alipay/alipaytest"
)

// cli is everything that can be said to the simulator.
type cli struct {
	Listen  string   `env:"FAHUO_SIMULATOR_LISTEN" default:"127.0.0.1:8091" help:"Where to listen, on loopback only; port 0 takes a free one."`
	Partner []string `env:"ALIPAY_PARTNER" required:"" placeholder:"P" help:"The merchant account (16 digits); several are separated by commas and share the key."`

	KeyFile        string `env:"ALIPAY_KEY_FILE" placeholder:"FILE" help:"File with the MD5 key. A key is never given as a flag."`
	SignType       string `env:"ALIPAY_SIGN_TYPE" enum:"MD5,RSA" default:"MD5" help:"How requests and answers are signed: MD5 or RSA."`
	PublicKeyFile  string `placeholder:"FILE" help:"RSA: the merchant's public key, to check requests."`
	PrivateKeyFile string `placeholder:"FILE" help:"RSA: the simulator's own private key, to sign answers."`

	Interval        time.Duration `default:"10s" help:"The law: the smallest gap between two ship calls of an account. 0 does not check it."`
	Faults          string        `placeholder:"FILE" help:"Faults to misbehave with (YAML, see above)."`
	Trades          string        `placeholder:"FILE" help:"Trades to start with (YAML, see above)."`
	KnownTradesOnly bool          `help:"A trade number that is in no trades file does not exist."`
	NoQuery         bool          `help:"The accounts have not signed up for single_trade_query."`
	Refuse          string        `placeholder:"CODE" help:"Refuse every call with this error code, as when something is wrong with the account."`
	Seed            uint64        `default:"1" help:"Decides what is left to chance; the same seed gives the same run."`
	LogFormat       string        `env:"FAHUO_LOG_FORMAT" enum:"console,json" default:"console" help:"Lines for people (console) or one JSON object a line (json)."`

	Version kong.VersionFlag `help:"Print the version and exit."`
}

// check reads the files and checks every setting; it reports all mistakes together.
func (c *cli) check() (alipaytest.Options, error) {
	o := alipaytest.Options{Interval: c.Interval, AutoTrades: !c.KnownTradesOnly, Seed: c.Seed}
	mistakes := []error{checkLoopback(c.Listen)}
	if c.Interval < 0 {
		mistakes = append(mistakes, fmt.Errorf("--interval %v is below 0", c.Interval))
	}
	credentials, err := c.credentials()
	mistakes = append(mistakes, err)
	for _, partner := range c.Partner {
		credentials.Partner = strings.TrimSpace(partner)
		if err == nil { // with no key there is nothing to validate
			mistakes = append(mistakes, credentials.Validate())
		}
		o.Accounts = append(o.Accounts, alipaytest.Account{
			Credentials: credentials, NoQuery: c.NoQuery, Refuse: c.Refuse,
		})
	}
	o.Faults, err = readFaults(c.Faults)
	mistakes = append(mistakes, err)
	o.Trades, err = readTrades(c.Trades, c.Partner)
	mistakes = append(mistakes, err)
	return o, errors.Join(mistakes...)
}

// checkLoopback refuses to listen where others could take this for Alipay.
func checkLoopback(listen string) error {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("--listen (FAHUO_SIMULATOR_LISTEN) %q is not HOST:PORT", listen)
	}
	if ip := net.ParseIP(host); host == "localhost" || (ip != nil && ip.IsLoopback()) {
		return nil
	}
	return fmt.Errorf("--listen (FAHUO_SIMULATOR_LISTEN) %q is not on loopback; use 127.0.0.1:PORT", listen)
}

// credentials are what all accounts share.
func (c *cli) credentials() (alipay.Credentials, error) {
	credentials := alipay.Credentials{SignType: alipay.SignType(c.SignType), Charset: alipay.UTF8}
	if credentials.SignType == alipay.RSA {
		return credentials, c.readRSA(&credentials)
	}
	if c.KeyFile == "" {
		return credentials, errors.New("--key-file (ALIPAY_KEY_FILE) is missing: a file with the account's MD5 key")
	}
	raw, err := readFile(c.KeyFile)
	if err != nil {
		return credentials, fmt.Errorf("--key-file (ALIPAY_KEY_FILE): %w", err)
	}
	credentials.Key = alipay.NewSecret(strings.TrimSpace(string(raw)))
	if credentials.Key.IsZero() {
		return credentials, fmt.Errorf("--key-file (ALIPAY_KEY_FILE): %s is empty", c.KeyFile)
	}
	return credentials, nil
}

func (c *cli) readRSA(credentials *alipay.Credentials) error {
	if c.PublicKeyFile == "" || c.PrivateKeyFile == "" {
		return errors.New("--sign-type RSA needs --public-key-file (the merchant's) and --private-key-file (the simulator's own)")
	}
	public, err := readFile(c.PublicKeyFile)
	if err != nil {
		return fmt.Errorf("--public-key-file: %w", err)
	}
	if credentials.PublicKey, err = alipay.ParsePublicKey(public); err != nil {
		return fmt.Errorf("--public-key-file %s: %w", c.PublicKeyFile, err)
	}
	private, err := readFile(c.PrivateKeyFile)
	if err != nil {
		return fmt.Errorf("--private-key-file: %w", err)
	}
	if credentials.PrivateKey, err = alipay.ParsePrivateKey(private); err != nil {
		return fmt.Errorf("--private-key-file %s: %w", c.PrivateKeyFile, err)
	}
	return nil
}
