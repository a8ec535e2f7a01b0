package alipay

import "fmt"

// hidden is what a secret prints as.
const hidden = "***"

// Secret is a key that does not print: every format verb, JSON and text give *** (A2).
type Secret struct{ value string }

// NewSecret wraps a key.
func NewSecret(s string) Secret { return Secret{value: s} }

// Reveal is the key itself, for those who sign.
func (s Secret) Reveal() string { return s.value }

// IsZero tells whether there is no key.
func (s Secret) IsZero() bool { return s.value == "" }

// Format implements fmt.Formatter for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, hidden) }

// String is ***.
func (s Secret) String() string { return hidden }

// MarshalText is *** too; JSON, YAML and slog use it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }
