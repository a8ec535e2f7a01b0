package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"github.com/goccy/go-yaml"

	"fahuo/internal/alipay/alipaytest"
)

// readFaults reads a faults file; no name, no faults.
func readFaults(name string) ([]alipaytest.Fault, error) {
	var file struct {
		Faults []alipaytest.Fault `yaml:"faults"`
	}
	if err := readYAML(name, &file); err != nil {
		return nil, fmt.Errorf("--faults: %w", err)
	}
	for i, f := range file.Faults {
		if err := f.Validate(); err != nil {
			return nil, fmt.Errorf("--faults: %s: number %d: %w", name, i+1, err)
		}
	}
	return file.Faults, nil
}

// readTrades reads a trades file; no name, no trades. A trade without a partner is the first partner's.
func readTrades(name string, partners []string) ([]alipaytest.Trade, error) {
	var file struct {
		Trades []alipaytest.Trade `yaml:"trades"`
	}
	if err := readYAML(name, &file); err != nil {
		return nil, fmt.Errorf("--trades: %w", err)
	}
	for i := range file.Trades {
		t := &file.Trades[i]
		if t.Partner == "" && len(partners) > 0 {
			t.Partner = partners[0]
		}
		if err := t.Validate(); err != nil {
			return nil, fmt.Errorf("--trades: %s: number %d: %w", name, i+1, err)
		}
	}
	return file.Trades, nil
}

// readFile reads a file that the person who starts the program has named.
func readFile(name string) ([]byte, error) {
	return os.ReadFile(name) //nolint:gosec // that person may read it anyway
}

// readYAML reads a file strictly: an unknown key is an error, since a misspelt one would do nothing.
// Errors do not quote the file: it may be the key's, given by mistake (A2).
func readYAML(name string, into any) error {
	if name == "" {
		return nil
	}
	raw, err := readFile(name)
	if err != nil {
		return err
	}
	if err := yaml.NewDecoder(bytes.NewReader(raw), yaml.Strict()).Decode(into); err != nil {
		return fmt.Errorf("%s: %w", name, errors.New(yaml.FormatError(err, false, false)))
	}
	return nil
}
