package desk

import "time"

// LimitSheets makes XLSX sheets shorter.
func (d *Desk) LimitSheets(rows int64) { d.sheetRows = rows }

// Role aliases what tests read.
const Anybody = anybody

// Pattern is an address of the desk and the role that it takes.
type Pattern struct {
	Pattern string
	Role    Role
}

// Patterns are the desk's addresses.
func Patterns() (all []Pattern) {
	for _, r := range table() {
		all = append(all, Pattern{r.pattern, r.role})
	}
	return all
}

// LookAgain makes the next request look at the users file, as it would a second later.
func (u *Users) LookAgain() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.looked = time.Time{}
}

// Sentences are what the desk says in a language, by key.
func (d *Desk) Sentences(name string) map[string]string { return d.pages[name].say }

// Masked is what is shown of a text.
func Masked(text string) string { return mask(text) }
