package check

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"fahuo/internal/beijing"
)

// Status is how a step went. Its zero value is none.
type Status string

// The statuses.
const (
	Passed  Status = "passed"
	Failed  Status = "failed"
	Skipped Status = "skipped"
)

// ID names a step, for those who read the report by program.
type ID string

// The steps; doc.go tells what each is.
const (
	Configuration   ID = "configuration"
	Files           ID = "files"
	ClockSync       ID = "clock_sync"
	Redis           ID = "redis"
	Ledger          ID = "ledger"
	Disk            ID = "disk"
	DNS             ID = "dns"
	Connection      ID = "connection"
	TLS             ID = "tls"
	Demo            ID = "demo"
	Gateway         ID = "gateway"
	Clock           ID = "clock"
	Partner         ID = "partner"
	Key             ID = "key"
	Charset         ID = "charset"
	Origin          ID = "origin"
	Answer          ID = "answer"
	QueryPermission ID = "query_permission"
	Hold            ID = "hold"
	Trade           ID = "trade"
	ShipPermission  ID = "ship_permission"
	Shipment        ID = "shipment"
	Confirmation    ID = "confirmation"
	Notification    ID = "notification"
)

// Step is one step of a report.
type Step struct {
	ID       ID       `json:"id"`
	Account  string   `json:"account,omitempty"` // the partner, of a step that is about one account
	Status   Status   `json:"status"`
	Detail   string   `json:"detail"`       // what was found, or why it was skipped
	Do       string   `json:"do,omitempty"` // Failed: what to do
	Warnings []string `json:"warnings"`     // what does not fail the step and should be looked at; never null
}

// Report is what a check has found.
type Report struct {
	OK      bool      `json:"ok"` // no step has failed
	At      time.Time `json:"at"`
	Gateway string    `json:"gateway"`
	Steps   []Step    `json:"steps"`
}

// Failures are the steps that have failed, in order.
func (r Report) Failures() (failed []Step) {
	for _, s := range r.Steps {
		if s.Status == Failed {
			failed = append(failed, s)
		}
	}
	return failed
}

// Failed tells whether a step has failed, of whatever account.
func (r Report) Failed(id ID) bool {
	for _, s := range r.Failures() {
		if s.ID == id {
			return true
		}
	}
	return false
}

// WriteJSON writes the report for programs.
func (r Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(r)
}

// WriteText writes the report for people.
func (r Report) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Check of %s, %s\n", r.Gateway, r.At.In(beijing.Zone).Format("2006-01-02 15:04:05 -07:00"))
	account, count := "", map[Status]int{}
	for _, s := range r.Steps {
		if s.Account != account {
			account = s.Account
			fmt.Fprintf(&b, "\nAccount %s\n", account)
		}
		count[s.Status]++
		fmt.Fprintf(&b, "  %-8s%-17s%s\n", word(s.Status), s.ID, indented(s.Detail))
		if s.Do != "" {
			fmt.Fprintf(&b, "%25s  do: %s\n", "", indented(s.Do))
		}
		for _, text := range s.Warnings {
			fmt.Fprintf(&b, "%25s  note: %s\n", "", indented(text))
		}
	}
	fmt.Fprintf(&b, "\n%d passed, %d failed, %d skipped\n", count[Passed], count[Failed], count[Skipped])
	_, err := io.WriteString(w, b.String())
	return err
}

// word makes what has failed easy to see.
func word(s Status) string {
	if s == Failed {
		return "FAILED"
	}
	return string(s)
}

// indented keeps the lines of a text below each other.
func indented(text string) string {
	return strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n"+strings.Repeat(" ", 27))
}
