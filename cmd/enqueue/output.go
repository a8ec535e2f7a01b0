package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"fahuo/internal/intake"
)

// shown is how many refused rows are printed; all of them are in the file of refused rows.
const shown = 10

// page collects lines for people; the first error stays.
type page struct {
	w   io.Writer
	err error
}

func (p *page) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

func printJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

// print shows what became of an import.
func (c *fileCmd) print(w io.Writer, sum intake.Summary) error {
	if c.JSON {
		return printJSON(w, sum)
	}
	if sum.Error != "" && sum.Accepted+sum.Already+sum.Conflicts+sum.Rejected == 0 {
		return nil // the error says it all
	}
	p := &page{w: w}
	p.line("Batch %s", sum.Batch)
	accepted := "accepted: new, and in line"
	switch {
	case c.DryRun:
		accepted = "would be accepted (--dry-run: nothing was queued)"
	case c.Strict && sum.Refused():
		accepted = "accepted (--strict: nothing was queued, since a row was refused)"
	}
	p.line("%7d %s", sum.Accepted, accepted)
	p.line("%7d already there with the same details; nothing is sent twice", sum.Already)
	p.elsewhere(sum)
	p.line("%7d in conflict with what was accepted before", sum.Conflicts)
	p.line("%7d refused", sum.Rejected)
	p.refused(sum)
	c.older(p, sum)
	switch {
	case sum.Accepted == 0:
	case c.DryRun && !sum.ETA.IsZero():
		p.line("Queued now, the last of them would be called by about %s if nothing fails.", sum.ETA)
	default:
		p.eta(sum.ETA)
	}
	if sum.Accepted > 0 && !c.DryRun {
		p.line("Follow it with: enqueue wait --batch %s", shellQuote(sum.Batch))
	}
	return p.err
}

func (p *page) refused(sum intake.Summary) {
	if !sum.Refused() {
		return
	}
	most := shown
	if sum.RejectedFile == nil {
		most = len(sum.Rejections) // they are nowhere else
	}
	p.line("Not taken:")
	for i, r := range sum.Rejections {
		if i == most {
			p.line("  and %d more", len(sum.Rejections)-most)
			break
		}
		p.line("  line %d%s", r.Line, explained(r))
	}
	if sum.RejectedXLSX != nil {
		p.line("All of them are in %s, each with its reason. Correct them there and import that file. (%s has them as CSV.)", *sum.RejectedXLSX, *sum.RejectedFile)
	} else if sum.RejectedFile != nil {
		p.line("All of them are in %s, each with its reason. Correct them there and import that file; in a spreadsheet open it with its columns as text, or long numbers are rounded.", *sum.RejectedFile)
	}
}

// elsewhere says where to follow rows that came in with another batch: this one's name does not lead to them.
func (p *page) elsewhere(sum intake.Summary) {
	if len(sum.AlreadyIn) == 0 {
		return
	}
	who, batch, others := "they are", sum.AlreadyIn[0], ""
	switch sum.Elsewhere.Rows {
	case sum.Already:
	case 1:
		who = "1 of them is"
	default:
		who = fmt.Sprintf("%d of them are", sum.Elsewhere.Rows)
	}
	switch n := sum.Elsewhere.Batches - 1; n {
	case 0:
	case 1:
		others = " (and 1 other)"
	default:
		others = fmt.Sprintf(" (and %d others)", n)
	}
	p.line("        %s in batch %s%s; follow it with: enqueue wait --batch %s", who, batch, others, shellQuote(batch))
}

// older tells what became of the file of refused rows of an earlier import.
func (c *fileCmd) older(p *page, sum intake.Summary) {
	if c.DryRun && sum.RejectedFile != nil {
		p.line("(--dry-run writes that file, too.)")
	}
	switch {
	case sum.OlderRejectedFile == nil:
	case sum.Refused():
		p.line("The one of an earlier import said something else and may hold corrections; it is kept as %s.", *sum.OlderRejectedFile)
	case sum.Error == "":
		p.line("%s is of an earlier import and obsolete: nothing is refused any more.", *sum.OlderRejectedFile)
	}
}

// explained is a rejection without its line. The field is named once.
func explained(r intake.Rejection) string {
	text := ": " + r.Reason
	if r.Field != intake.FieldRow && !strings.HasPrefix(r.Reason, r.Field+" ") {
		text = ": " + r.Field + text
	}
	if r.TradeNo != "" {
		text = fmt.Sprintf(", trade %.70s", r.TradeNo) + text
	}
	return text
}

func (p *page) eta(eta intake.Time) {
	if eta.IsZero() {
		p.line("When it will be done cannot be said: the account is on hold, or no worker has announced it yet.")
		return
	}
	p.line("Done by about %s if nothing fails.", eta)
}

// shellQuote makes a word for a command line of any text.
func shellQuote(s string) string {
	for _, r := range s {
		if (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r < 0x80 && !strings.ContainsRune("._-+:/@%,", r) {
			return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
		}
	}
	return s
}
