package api

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"fahuo/internal/beijing"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

type handOverInput struct {
	Batch  string `query:"batch" maxLength:"128" doc:"The batch of every shipment that does not name its own. An array gets a name if there is none."`
	Urgent bool   `query:"urgent" doc:"Every shipment is urgent, whatever it says itself."`
}

type handOverOutput struct {
	Status int
	Body   any
}

// handOverShipments is POST /v1/shipments.
func (a *API) handOverShipments(ctx context.Context, in *handOverInput) (*handOverOutput, error) {
	if err := shipment.CheckBatch(strings.TrimSpace(in.Batch)); err != nil {
		return nil, problem(http.StatusUnprocessableEntity, "The name of the batch is not allowed.", at("query", asField(err)))
	}
	entries, list, err := parse(bodyOf(ctx).bytes)
	if err != nil {
		return nil, err
	}
	batch := strings.TrimSpace(in.Batch)
	if batch == "" && list {
		batch = nameBatch(tokenOf(ctx).Name, time.Now())
	}
	foreign, err := a.complete(ctx, entries, batch, in.Urgent)
	if err != nil {
		return nil, away(ctx, err)
	}
	if foreign == len(entries) {
		return nil, problem(http.StatusForbidden, "This token may not ship for this account.", at(prefix(list, 0), entries[0].fault))
	}
	answers, err := a.accept(ctx, entries)
	if err != nil {
		return nil, away(ctx, err)
	}
	if list {
		return a.answerAll(ctx, batch, entries, answers)
	}
	return a.answerOne(ctx, entries[0], answers[0])
}

func prefix(list bool, i int) string {
	if list {
		return fmt.Sprintf("body[%d]", i)
	}
	return "body"
}

// nameBatch names a batch after who handed it over and when; the end keeps two of one second apart.
func nameBatch(token string, now time.Time) string {
	return fmt.Sprintf("%s-%s-%s", token, now.In(beijing.Zone).Format("20060102-150405"), rand.Text()[:6])
}

// complete fills in what entries leave out, and checks them. It counts those that are for accounts of other tokens.
func (a *API) complete(ctx context.Context, entries []entry, batch string, urgent bool) (foreign int, err error) {
	token := tokenOf(ctx)
	known, err := a.served.now(ctx)
	if err != nil {
		return 0, err
	}
	for i := range entries {
		e := &entries[i]
		s := &e.shipment
		s.Urgent = s.Urgent || urgent
		if s.Batch == "" {
			s.Batch = batch
		}
		if s.Partner == "" && len(token.Partners) == 1 {
			s.Partner = token.Partners[0]
		}
		if e.fault != nil {
			continue
		}
		if s.Partner == "" {
			e.blame(shipment.FieldPartner, "is missing, and this token may ship for several: %s", strings.Join(token.Partners, ", "))
			continue
		}
		if err := s.Validate(); err != nil {
			e.fault = asField(err)
		}
		if shipment.CheckPartner(s.Partner) != nil { // Validate has said it
			continue
		}
		if !token.May(s.Partner) {
			foreign++
			e.fault = &shipment.FieldError{Field: shipment.FieldPartner, Reason: "this token may not ship for " + s.Partner}
		} else if !known.has(s.Partner) {
			e.blame(shipment.FieldPartner, "no worker has announced the account %s; is it in the worker's configuration?", s.Partner)
		}
	}
	return foreign, nil
}

func asField(err error) *shipment.FieldError {
	if fault, ok := err.(*shipment.FieldError); ok { //nolint:errorlint // what Validate and CheckBatch promise to return
		return fault
	}
	return &shipment.FieldError{Reason: err.Error()}
}

// accept hands those without a fault to the ledger. The others' answers stay Undecided.
func (a *API) accept(ctx context.Context, entries []entry) ([]ledger.Acceptance, error) {
	answers := make([]ledger.Acceptance, len(entries))
	var shipments []shipment.Shipment
	var of []int
	for i, e := range entries {
		if e.fault == nil {
			shipments, of = append(shipments, e.shipment), append(of, i)
		}
	}
	if len(shipments) == 0 {
		return answers, nil
	}
	taken, err := a.acceptor.accept(ctx, shipments, a.options(ctx))
	if err != nil {
		return nil, err
	}
	for i, answer := range taken {
		answers[of[i]] = answer
	}
	a.Accepted()
	return answers, nil
}

// options say in whose name the ledger is written.
func (a *API) options(ctx context.Context) ledger.AcceptOptions {
	return ledger.AcceptOptions{Actor: actor(ctx), Source: tokenOf(ctx).Name}
}

// actor is a token's name in histories, where people have names, too.
func actor(ctx context.Context) string { return "api:" + tokenOf(ctx).Name }

// answerOne says by the status what became of one shipment.
func (a *API) answerOne(ctx context.Context, e entry, answer ledger.Acceptance) (*handOverOutput, error) {
	if e.fault != nil {
		return nil, problem(http.StatusUnprocessableEntity, "The shipment was not taken.", at("body", e.fault))
	}
	s := e.shipment
	body := &Accepted{Partner: s.Partner, TradeNo: s.TradeNo, OrderRef: s.OrderRef, Status: StatusAccepted, Batch: s.Batch}
	out := &handOverOutput{Status: http.StatusAccepted, Body: body}
	switch answer.Verdict {
	case ledger.Accepted:
	case ledger.Already:
		body.Status, body.Batch, out.Status = StatusAlready, answer.Batch, http.StatusOK
	case ledger.Conflict:
		return nil, problem(http.StatusConflict, "This trade was handed over before, with other details. What was accepted first stays.", differences("body", answer.Differences)...)
	case ledger.Undecided:
		return nil, fmt.Errorf("the ledger did not answer for %s", s.Key())
	}
	answer.Batch = "" // of one shipment it is its own time that counts
	var one handed
	one.add(e, answer)
	var err error
	body.ETA, err = a.called(ctx, one)
	ignore(ctx, err)
	return out, nil
}

// differences names every field that differs.
func differences(prefix string, all []shipment.Difference) (fields []*huma.ErrorDetail) {
	for _, d := range all {
		fields = append(fields, &huma.ErrorDetail{Location: location(prefix, d.Field), Message: differs(d), Value: d.New})
	}
	return fields
}

func differs(d shipment.Difference) string {
	return fmt.Sprintf("%s was %q when this trade was accepted and is %q now", d.Field, d.Old, d.New)
}

// answerAll says for each item what became of it.
func (a *API) answerAll(ctx context.Context, batch string, entries []entry, answers []ledger.Acceptance) (*handOverOutput, error) {
	out := &BatchAccepted{Batch: batch, Items: make([]Item, len(entries))}
	var taken handed
	for i, e := range entries {
		item := itemOf(i, e, answers[i])
		switch item.Status {
		case StatusAccepted:
			out.Accepted++
			taken.add(e, answers[i])
		case StatusAlready:
			out.Already++
			taken.add(e, answers[i])
		case StatusConflict:
			out.Conflicts++
		case StatusRejected:
			out.Rejected++
		}
		out.Items[i] = item
	}
	var err error
	out.ETA, err = a.called(ctx, taken)
	ignore(ctx, err)
	return &handOverOutput{Status: http.StatusOK, Body: out}, nil
}

func itemOf(i int, e entry, answer ledger.Acceptance) Item {
	s := e.shipment
	item := Item{Partner: s.Partner, TradeNo: s.TradeNo, OrderRef: s.OrderRef, Status: StatusRejected}
	fault := e.fault
	switch {
	case fault != nil:
	case answer.Verdict == ledger.Accepted:
		item.Status, item.Batch = StatusAccepted, s.Batch
		return item
	case answer.Verdict == ledger.Already:
		item.Status, item.Batch = StatusAlready, answer.Batch
		return item
	case answer.Verdict == ledger.Conflict:
		item.Status = StatusConflict
		fault = conflict(answer.Differences)
	default: // cannot be: the ledger answers for each
		fault = &shipment.FieldError{Reason: "was not looked at; send it again"}
	}
	item.Field, item.Reason = fault.Field, fault.Reason
	item.Location = location(prefix(true, i), fault.Field)
	return item
}

// conflict names every field that differs in one sentence, under the first.
func conflict(all []shipment.Difference) *shipment.FieldError {
	said := make([]string, len(all))
	for i, d := range all {
		said[i] = differs(d)
	}
	return &shipment.FieldError{Field: all[0].Field, Reason: strings.Join(said, ", ") + "; what was accepted first stays"}
}
