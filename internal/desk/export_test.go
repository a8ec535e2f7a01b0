package desk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fahuo/internal/ledger"
)

// ForgetUploadsAfter sets how long files are kept.
func (d *Desk) ForgetUploadsAfter(kept time.Duration) { d.uploads.kept = kept }

// Forgotten waits until what was forgotten is gone from the disk.
func (d *Desk) Forgotten() { d.uploads.leaving.Wait() }

// UploadDirs are where files are kept.
func (d *Desk) UploadDirs() (dirs []string) {
	d.uploads.mu.Lock()
	defer d.uploads.mu.Unlock()
	for _, u := range d.uploads.all {
		dirs = append(dirs, u.dir)
	}
	return dirs
}

// BreakImports lets imports end after their first row, until mend is called.
func (d *Desk) BreakImports() (mend func()) {
	whole := d.importer
	d.importer = broken{whole}
	return func() { d.importer = whole }
}

type broken struct{ importer }

func (b broken) read(ctx context.Context, f file, dry bool) (tally, error) {
	if dry {
		return b.importer.read(ctx, f, dry)
	}
	return tally{Accepted: 1}, errors.New("the ledger is away")
}

// MaxUpload is the largest file.
const MaxUpload = maxUpload

// Forms are what intake and the noun say, in Chinese, by what they say in English.
func Forms() map[string]string {
	all, err := parseLanguages()
	if err != nil {
		panic(err)
	}
	return all["zh"].forms
}

// Settled waits until nothing is under way beside the requests.
func (d *Desk) Settled() { d.running.Wait() }

// SetPatience sets how long a request waits for a preview, and a list for the number of its rows.
func (d *Desk) SetPatience(p time.Duration) { d.patience, d.countPatience = p, p }

// SetCountPatience sets how long a list waits for the number of its rows.
func (d *Desk) SetCountPatience(p time.Duration) { d.countPatience = p }

// CountSlowly has the counts of unfiltered lists take until the returned function is called.
func (d *Desk) CountSlowly() (counted func()) {
	d.counts.mu.Lock()
	defer d.counts.mu.Unlock()
	m := &making{done: make(chan struct{}), err: errors.New("not counted at all")}
	clear(d.counts.known)
	for _, key := range []string{deadKey(ledger.DeadFilter{}), shipmentsKey(ledger.ShipmentFilter{})} {
		d.counts.making[fmt.Sprintf("%d %s", d.counts.acts, key)] = m
	}
	return func() {
		d.counts.mu.Lock()
		defer d.counts.mu.Unlock()
		clear(d.counts.making)
		close(m.done)
	}
}

// Forget forgets every count, as after an act.
func (d *Desk) Forget() { d.counts.empty() }

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
