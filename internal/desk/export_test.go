package desk

import "time"

// Settled waits until nothing is under way beside the requests.
func (d *Desk) Settled() { d.running.Wait() }

// SetPatience sets how long a request waits for a preview.
func (d *Desk) SetPatience(p time.Duration) { d.patience = p }

// LimitSheets makes XLSX sheets shorter.
func (d *Desk) LimitSheets(rows int64) { d.sheetRows = rows }

// Sentences are what the desk says in a language, by key.
func Sentences(name string) map[string]string {
	all, err := parseLanguages()
	if err != nil {
		panic(err)
	}
	return all[name].say
}

// Anybody is the role of an address that takes none.
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

// Masked is what is shown of a text.
func Masked(text string) string { return mask(text) }
