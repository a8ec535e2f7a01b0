package tokens

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"fahuo/internal/outcome/webhook"
)

// Token is who hands over: what stands in the file about one.
type Token struct {
	Name     string   `yaml:"name"`
	SHA256   string   `yaml:"sha256"`         // of the token, in hex
	Partners []string `yaml:"partners"`       // the accounts that it may ship for, at least one
	Rate     float64  `yaml:"rate,omitempty"` // requests a second; 0: what the server allows everybody

	// Webhooks are told what becomes of the shipments that are handed over with it.
	Webhooks []webhook.Config `yaml:"webhooks,omitempty"`
}

// May tells whether the token may ship for an account.
func (t Token) May(partner string) bool { return slices.Contains(t.Partners, partner) }

// Prefix lets people, logs and scanners for leaked secrets recognize a token.
const Prefix = "fahuo_"

// New makes a token: the secret, which is shown once and kept nowhere, and what the file has of it.
func New(name string, partners []string) (secret string, t Token, err error) {
	secret = Prefix + rand.Text()
	t = Token{Name: name, SHA256: digest(secret), Partners: partners}
	return secret, t, t.check()
}

func digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// Set are the tokens of a file, as it was when it was last in order.
type Set struct {
	path string

	mu    sync.RWMutex
	list  []Token
	hooks map[string][]webhook.Webhook // by the token's name
	seen  fs.FileInfo                  // the file as it was last looked at, in order or not
	said  string                       // what was wrong with it then
}

// Load reads a tokens file.
func Load(path string) (*Set, error) {
	list, info, err := read(path)
	if err != nil {
		return nil, err
	}
	hooks, err := loadHooks(path, list)
	if err != nil {
		return nil, err
	}
	return &Set{path: path, list: list, hooks: hooks, seen: info}, nil
}

// loadHooks reads the secrets of webhooks, which stand in files of their own or in variables.
func loadHooks(path string, list []Token) (map[string][]webhook.Webhook, error) {
	hooks := make(map[string][]webhook.Webhook)
	var faults []error
	for _, t := range list {
		its, err := webhook.Load(t.Webhooks, filepath.Dir(path), os.Getenv)
		if err != nil {
			faults = append(faults, fmt.Errorf("tokens file %s: token %q: %w", path, t.Name, err))
		}
		hooks[t.Name] = its
	}
	return hooks, errors.Join(faults...)
}

// These are tokens that do not stand in a file.
func These(list ...Token) *Set { return &Set{list: list} }

// Find looks a token up by its secret. How long it takes tells nothing about the secrets there are.
func (s *Set) Find(secret string) (found Token, ok bool) {
	given := []byte(digest(secret))
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, t := range s.list {
		if subtle.ConstantTimeCompare(given, []byte(t.SHA256)) == 1 {
			found, ok = t, true
		}
	}
	return found, ok
}

// List is everybody in the set.
func (s *Set) List() []Token {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Clone(s.list)
}

// Webhooks are those of every token, by its name; none for a token that has none.
func (s *Set) Webhooks() map[string][]webhook.Webhook {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return maps.Clone(s.hooks)
}

// lookEvery is how often a file is looked at.
const lookEvery = time.Second

// Watch reads the file again whenever it, or the secret of a webhook, has changed, until ctx is done. changed is told what
// came of it: nil, or why the old tokens stay.
func (s *Set) Watch(ctx context.Context, changed func(error)) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if news, err := s.refresh(); news {
			changed(err)
		}
	}
}

// refresh reads the file if it is not as it was. What it leads to, secrets of webhooks, may change or be mended without
// it, so as long as there are any, or something is wrong, it is read each time.
func (s *Set) refresh() (news bool, err error) {
	info, err := os.Stat(s.path)
	if err != nil {
		info = nil
	}
	s.mu.RLock()
	changed, faulty := !same(info, s.seen), s.said
	leads := slices.ContainsFunc(s.list, func(t Token) bool { return len(t.Webhooks) > 0 })
	s.mu.RUnlock()
	if !changed && faulty == "" && !leads {
		return false, nil
	}
	list, _, err := read(s.path)
	var hooks map[string][]webhook.Webhook
	if err == nil {
		hooks, err = loadHooks(s.path, list)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen, s.said = info, ""
	if err != nil {
		s.said = err.Error()
		return changed || s.said != faulty, err
	}
	news = changed || faulty != "" || !reflect.DeepEqual(hooks, s.hooks)
	s.list, s.hooks = list, hooks
	return news, nil
}

func same(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == b
	}
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size() && a.Mode() == b.Mode()
}

func read(path string) ([]Token, fs.FileInfo, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("there is no tokens file %s; make it with: enqueue token new NAME --partner PARTNER --tokens %s", path, path)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("tokens file: %w", err)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return nil, nil, fmt.Errorf("tokens file %s may be written by others (mode %04o): whoever does so may hand shipments over; chmod 600 %s", path, info.Mode().Perm(), path)
	}
	text, err := os.ReadFile(path) //nolint:gosec // the file that the administrator names
	if err != nil {
		return nil, nil, fmt.Errorf("tokens file: %w", err)
	}
	list, err := parse(text)
	if err != nil {
		return nil, nil, fmt.Errorf("tokens file %s: %w", path, err)
	}
	return list, info, nil
}

// empty tells whether a file says nothing at all.
func empty(text []byte) bool {
	return strings.TrimSpace(string(bytes.TrimPrefix(text, []byte("\uFEFF")))) == ""
}
