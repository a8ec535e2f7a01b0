package intake

import (
	"encoding/json"
	"time"

	"fahuo/internal/beijing"
)

// Summary is what became of an import. It is part of the contract with users.
type Summary struct {
	Batch     string `json:"batch"`
	Accepted  int    `json:"accepted"`  // new, and durable; with DryRun those that would be
	Already   int    `json:"already"`   // known with the same details; nothing changes
	Conflicts int    `json:"conflicts"` // known with other details: refused
	Rejected  int    `json:"rejected"`  // wrong in themselves
	ETA       Time   `json:"eta"`       // when the batch's last shipment will have been called; with DryRun the last of those that would be accepted
	// RejectedFile holds the rows refused, conflicts among them, as CSV; nil: there are none.
	RejectedFile *string     `json:"rejected_file"`
	Rejections   []Rejection `json:"rejections"` // never nil
	// RejectedXLSX holds the same rows as a workbook, whose cells keep long numbers while they are corrected; nil: the
	// input was none, or nothing was refused.
	RejectedXLSX *string `json:"rejected_xlsx,omitempty"`
	// OlderRejectedFile is what there is of an earlier import: where it was moved to, since it said something
	// else than RejectedFile, or, where nothing was refused this time, what is obsolete now. nil: there is none.
	OlderRejectedFile *string `json:"older_rejected_file,omitempty"`
	// AlreadyIn are other batches that hold rows counted in Already, those with the most rows first, at most
	// alreadyShown of them.
	AlreadyIn []string `json:"already_in,omitempty"`
	// Elsewhere is how many rows and batches that is about in all.
	Elsewhere Elsewhere `json:"-"`
	// Accounts are those into whose line rows were accepted, or would be.
	Accounts []string `json:"-"`
	// Error says why the import stopped before its end; what is counted above stays.
	Error string `json:"error,omitempty"`
}

// Elsewhere counts rows that are in other batches, and those batches.
type Elsewhere struct{ Rows, Batches int }

// alreadyShown is how many other batches are named.
const alreadyShown = 10

// Refused tells whether any row was not taken.
func (s Summary) Refused() bool { return s.Conflicts+s.Rejected > 0 }

// Rejection is a row that was refused, and why.
type Rejection struct {
	Line    int64  `json:"line"` // the physical line in which the row begins
	TradeNo string `json:"trade_no"`
	Field   string `json:"field"`
	Reason  string `json:"reason"`
}

// Time is a time for people: whole seconds, in +08:00, null when nobody knows.
type Time struct{ time.Time }

// MarshalJSON writes RFC 3339 or null.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return json.Marshal(t.rounded().Format(time.RFC3339))
}

func (t Time) String() string {
	if t.IsZero() {
		return "not known yet"
	}
	return t.rounded().Format("2006-01-02 15:04:05 -07:00")
}

// rounded rounds up: "done by then" has to be true.
func (t Time) rounded() time.Time {
	return t.Add(time.Second - 1).Truncate(time.Second).In(beijing.Zone)
}
