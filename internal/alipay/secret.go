package alipay

import "fmt"

// hidden is what a secret prints as.
const hidden = "***"

// Secret is a key that does not print: every format verb, JSON and text give *** (A2).
//
// The key lies behind a pointer because fmt does not always ask Format: not for an unexported field of
// a struct, and not where the verb itself is wrong (%p, %w). There it prints what it finds by
// reflection, which is then an address.
type Secret struct{ value *string }

// NewSecret wraps a key. An empty one gives the zero Secret.
func NewSecret(s string) Secret {
	if s == "" {
		return Secret{}
	}
	return Secret{value: &s}
}

// Reveal is the key itself, for those who sign; empty when there is none.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsZero tells whether there is no key.
func (s Secret) IsZero() bool { return s.value == nil }

// Format implements fmt.Formatter for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, hidden) }

// String is ***.
func (s Secret) String() string { return hidden }

// MarshalText is *** too; JSON, YAML, slog and zerolog use it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }
