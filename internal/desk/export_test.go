package desk

import "time"

// Settled waits until nothing is under way beside the requests.
func (d *Desk) Settled() { d.running.Wait() }

// SetPatience sets how long a request waits for a preview.
func (d *Desk) SetPatience(p time.Duration) { d.patience = p }

// Sentences are what the desk says in a language, by key.
func Sentences(name string) map[string]string {
	all, err := parseLanguages()
	if err != nil {
		panic(err)
	}
	return all[name].say
}
