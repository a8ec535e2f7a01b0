package tokens

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"

	"github.com/goccy/go-yaml"

	"fahuo/internal/inplace"
	"fahuo/internal/shipment"
)

type file struct {
	Tokens []Token `yaml:"tokens"`
}

// parse reads what a tokens file says, and reports every fault.
func parse(text []byte) ([]Token, error) {
	if empty(text) {
		return nil, errors.New(`it is empty; write "tokens: []" if nobody is to hand anything over`)
	}
	var f file
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(&f); err != nil {
		// The library quotes the place, and what stands there may be a token written where its hash belongs.
		return nil, errors.New(`it does not read "tokens: [{name, sha256, partners}]"; enqueue token new writes it`)
	}
	var faults []error
	names, hashes := make(map[string]bool), make(map[string]bool)
	for _, t := range f.Tokens {
		if err := t.check(); err != nil {
			faults = append(faults, err)
		}
		if names[t.Name] {
			faults = append(faults, fmt.Errorf("token %q stands twice", t.Name))
		}
		if hashes[t.SHA256] {
			faults = append(faults, fmt.Errorf("token %q has the sha256 of another one", t.Name))
		}
		names[t.Name], hashes[t.SHA256] = true, true
	}
	return f.Tokens, errors.Join(faults...)
}

// goodName is what stands in histories, logs and names of batches.
var goodName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$`)

func (t Token) check() error {
	var faults []error
	if !goodName.MatchString(t.Name) {
		faults = append(faults, fmt.Errorf("token name %.60q: 1 to 40 letters, digits and . _ - are allowed, a letter or digit first", t.Name))
	}
	if sum, err := hex.DecodeString(t.SHA256); err != nil || len(sum) != 32 || hex.EncodeToString(sum) != t.SHA256 {
		faults = append(faults, fmt.Errorf("token %.60q: sha256 is not 64 hexadecimal digits in lower case; enqueue token new writes it", t.Name))
	}
	if len(t.Partners) == 0 {
		faults = append(faults, fmt.Errorf("token %.60q: partners is missing; name the accounts that it may ship for", t.Name))
	}
	for i, partner := range t.Partners {
		if err := shipment.CheckPartner(partner); err != nil {
			faults = append(faults, fmt.Errorf("token %.60q: %w", t.Name, err))
		}
		if slices.Contains(t.Partners[:i], partner) {
			faults = append(faults, fmt.Errorf("token %.60q: partner %s stands twice", t.Name, partner))
		}
	}
	if !(t.Rate >= 0 && t.Rate <= MaxRate) {
		faults = append(faults, fmt.Errorf("token %.60q: rate %v is not between 0 and %d requests a second", t.Name, t.Rate, MaxRate))
	}
	return errors.Join(faults...)
}

// MaxRate is the highest rate that can be allowed, in requests a second.
const MaxRate = 1_000_000

// ErrTaken says that there is a token of that name.
var ErrTaken = errors.New("there is a token of that name already")

// ErrNone says that there is no token of that name.
var ErrNone = errors.New("there is no token of that name")

// Add writes a token into a tokens file, which is made if it is not there. ErrTaken when its name stands there.
func Add(path string, t Token) error {
	if err := t.check(); err != nil {
		return err
	}
	list, _, err := read(path)
	if _, statErr := os.Stat(path); errors.Is(statErr, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return err
	}
	if slices.ContainsFunc(list, func(other Token) bool { return other.Name == t.Name }) {
		return fmt.Errorf("%w: %q in %s; take it out first (enqueue token remove), or give this one another name", ErrTaken, t.Name, path)
	}
	return write(path, append(list, t))
}

// Remove takes a token out of a tokens file. ErrNone when it does not stand there.
func Remove(path, name string) error {
	list, _, err := read(path)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(t Token) bool { return t.Name == name })
	if i < 0 {
		return fmt.Errorf("%w: %q in %s", ErrNone, name, path)
	}
	return write(path, slices.Delete(list, i, i+1))
}

func write(path string, list []Token) error {
	text, err := yaml.Marshal(file{Tokens: list})
	if err == nil {
		err = inplace.Write(path, text)
	}
	if err != nil {
		return fmt.Errorf("tokens file: %w", err)
	}
	return nil
}
