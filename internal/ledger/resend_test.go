package ledger_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// Sending again is a new attempt: what counts against the old one counts no more, what was done stays on record.
func testSendAgainBeginsAnew(t *testing.T) {
	l := book(t)
	if _, err := l.SetHold(t.Context(), partner, ledger.HoldManual, "so that a hold stands in the budget", "w"); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Release(t.Context(), partner, "", "w"); err != nil {
		t.Fatal(err)
	}
	accept(t, l, parcel(1))
	held := finish(t, l, begin(t, l, get(t, l, parcel(1)), time.Hour), ledger.Finish{
		Move: ledger.Move{To: shipment.Queued, HoldAccount: true, Failed: true, Code: "ILLEGAL_SIGN"}, Answered: true, Since: time.Second,
	}).Row
	if _, err := l.Release(t.Context(), partner, "", "w"); err != nil {
		t.Fatal(err)
	}
	unlisted := finish(t, l, begin(t, l, held, time.Hour), ledger.Finish{
		Move: ledger.Move{To: shipment.Queued, Doubt: true, Failed: true, UnlistedCode: "NEW", Code: "NEW"}, Answered: true, Since: time.Second,
	}).Row
	dead, err := l.Settle(t.Context(), unlisted, ledger.Move{
		To: shipment.Dead, Reason: shipment.ReasonUnknownCode, Code: "NEW", TradeStatus: "WAIT_SELLER_SEND_GOODS", RefundStatus: "R",
		Found: ledger.FoundWaiting, Bar: true, UnlistedCode: "NEW",
	}, "w")
	if err != nil || dead.Failures != 2 || dead.Holds != 1 || account(t, l).Spent(dead) <= 0 {
		t.Fatalf("%+v %v", dead, err)
	}
	fed(t, l, dead)
	dead = get(t, l, parcel(1))
	if dead, err = l.Assign(t.Context(), dead, "li", wang); err != nil || dead.Feed {
		t.Fatalf("%+v %v", dead, err)
	}
	now := resent(t, l, dead, ledger.SendAgain{})
	want := dead
	want.ReadAt, want.ChangedAt, want.Version = now.ReadAt, now.ChangedAt, dead.Version+1
	want.State, want.Resent, want.Doubt, want.Feed, want.Begun = shipment.Queued, 1, true, true, true
	want.Failures, want.Holds, want.Barred, want.UnlistedCode = 0, 0, false, ""
	want.Reason, want.ErrorCode, want.TradeStatus, want.RefundStatus, want.Found = "", "", "", "", ""
	want.SettledAt, want.FoundAt, want.NotBefore = time.Time{}, time.Time{}, time.Time{}
	if account(t, l).Spent(now) != 0 {
		t.Errorf("the budget goes on from the last time: %v", account(t, l).Spent(now))
	}
	want = ledger.WithBudgetOf(want, now)
	if now != want {
		t.Errorf("\n%+v\n%+v", now, want)
	}
	line := lastLine(t, l, now.Key())
	if line.Act != ledger.ActSendAgain || line.From != shipment.Dead || line.To != shipment.Queued || line.Before["reason"] != string(shipment.ReasonUnknownCode) ||
		line.Before["state"] != "dead" || line.After["state"] != "queued" {
		t.Errorf("%+v", line)
	}
	if again := begin(t, l, now, time.Hour); again.Attempt != 3 || again.SentAttempts != 3 {
		t.Errorf("%+v", again)
	}
}

func testDoubtAfterSendingAgain(t *testing.T) {
	l, n := book(t), 0
	for name, c := range map[string]struct {
		called, silent, looked, want bool
	}{
		"never called":                         {},
		"never called, may not query":          {silent: true},
		"called":                               {called: true, want: true},
		"called, looked, but a query can tell": {called: true, looked: true, want: true},
		"called, may not query, looked":        {called: true, silent: true, looked: true},
	} {
		t.Run(name, func(t *testing.T) {
			n += 2
			mayNotQuery(t, l, c.silent)
			r := died(t, l, n, ledger.Move{})
			if c.called {
				r = calledInVain(t, l, n+1, ledger.Move{Reason: shipment.ReasonOutcomeUnknown})
			}
			now := resent(t, l, r, ledger.SendAgain{Looked: c.looked})
			if now.Doubt != c.want {
				t.Errorf("in doubt: %v", now.Doubt)
			}
			if line := lastLine(t, l, r.Key()); (line.After["looked"] == "yes") != c.looked {
				t.Errorf("that somebody has looked: %v", line.After)
			}
		})
	}
}

func testCorrectionsStandInTheHistory(t *testing.T) {
	l := book(t)
	dead := died(t, l, 1, ledger.Move{Reason: shipment.ReasonIllegalArgument})
	name, no, kind := " 圆通速递 ", `="YT1"`, "平邮"
	now := resent(t, l, dead, ledger.SendAgain{Correction: ledger.Correction{LogisticsName: &name, InvoiceNo: &no, TransportType: &kind}})
	if now.LogisticsName != "圆通速递" || now.InvoiceNo != "YT1" || now.TransportType != shipment.TransportPost {
		t.Errorf("%+v", now.Shipment)
	}
	line := lastLine(t, l, now.Key())
	before := map[string]string{"state": "dead", "reason": "illegal_argument", "logistics_name": "顺丰速运", "invoice_no": "SF1", "transport_type": "EXPRESS"}
	after := map[string]string{"state": "queued", "logistics_name": "圆通速递", "invoice_no": "YT1", "transport_type": "POST"}
	if !maps.Equal(line.Before, before) || !maps.Equal(line.After, after) {
		t.Errorf("before %v, after %v", line.Before, line.After)
	}
	// What is the same stands not in the history, and what is not given stays.
	same, empty := "SF2", ""
	dead = died(t, l, 2, ledger.Move{})
	now = resent(t, l, dead, ledger.SendAgain{Correction: ledger.Correction{InvoiceNo: &same}})
	if line := lastLine(t, l, now.Key()); now.Shipment != dead.Shipment || len(line.After) != 1 || len(line.Before) != 2 {
		t.Errorf("%+v %+v", now.Shipment, line)
	}
	dead = died(t, l, 3, ledger.Move{})
	if now = resent(t, l, dead, ledger.SendAgain{Correction: ledger.Correction{InvoiceNo: &empty}}); now.InvoiceNo != "" {
		t.Errorf("a waybill number cannot be taken away: %q", now.InvoiceNo)
	}
	if a := accept(t, l, parcel(1)); a[0].Verdict != ledger.Conflict || a[0].Differences[0].Old != "圆通速递" {
		t.Errorf("what was corrected is what the ledger holds: %+v", a)
	}
}

func testWrongCorrectionsAreRefused(t *testing.T) {
	l := book(t)
	dead := died(t, l, 1, ledger.Move{})
	for value, c := range map[string]struct {
		field string
		set   func(*ledger.Correction, *string)
	}{
		"":                      {"logistics_name", func(c *ledger.Correction, v *string) { c.LogisticsName = v }},
		"a&b":                   {"logistics_name", func(c *ledger.Correction, v *string) { c.LogisticsName = v }},
		"\xff":                  {"logistics_name", func(c *ledger.Correction, v *string) { c.LogisticsName = v }},
		"7.7E+13":               {"invoice_no", func(c *ledger.Correction, v *string) { c.InvoiceNo = v }},
		"a\x00b":                {"invoice_no", func(c *ledger.Correction, v *string) { c.InvoiceNo = v }},
		strings.Repeat("1", 33): {"invoice_no", func(c *ledger.Correction, v *string) { c.InvoiceNo = v }},
		"BALLOON":               {"transport_type", func(c *ledger.Correction, v *string) { c.TransportType = v }},
		" ":                     {"transport_type", func(c *ledger.Correction, v *string) { c.TransportType = v }},
	} {
		var s ledger.SendAgain
		c.set(&s.Correction, &value)
		_, err := l.SendAgain(t.Context(), dead, s, wang)
		var wrong *shipment.FieldError
		if !errors.As(err, &wrong) || wrong.Field != c.field {
			t.Errorf("%s %q: %v", c.field, value, err)
		}
	}
	if now := get(t, l, parcel(1)); now.Version != dead.Version || now.State != shipment.Dead || lastLine(t, l, now.Key()).Audit {
		t.Errorf("%+v", now)
	}
}

// The dead letter's task goes when the case is settled: the row is marked as long as there is one.
func testASettledDeadLettersTaskGoes(t *testing.T) {
	l, n := book(t), 0
	for name, act := range acts {
		for belt, onBelt := range map[string]bool{"on the belt": true, "lost": false} {
			t.Run(name+", "+belt, func(t *testing.T) {
				n++
				r := died(t, l, n, ledger.Move{Found: act.found})
				if onBelt {
					fed(t, l, r)
				} else {
					ledger.Exec(t, l, `UPDATE shipments SET feed = 0`) // the task was lost and nobody has noticed yet
				}
				done, err := act.do(t, l, get(t, l, parcel(n)))
				if err != nil {
					t.Fatal(err)
				}
				want := done.State == shipment.Queued || onBelt && done.State != shipment.Dead
				if done.Feed != want || done.DeadTask != onBelt {
					t.Errorf("to be fed: %v, want %v; a task: %v, was %v", done.Feed, want, done.DeadTask, onBelt)
				}
				fed(t, l, done)
				if now := get(t, l, parcel(n)); now.Feed || now.DeadTask != (done.State == shipment.Dead) {
					t.Errorf("after feeding: %+v", now)
				}
			})
		}
	}
}

func testANoteTwiceIsOnce(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1))
	queued := get(t, l, parcel(1))
	note := func(text, actor string, want int) {
		t.Helper()
		if err := l.Note(t.Context(), queued.Key(), text, actor); err != nil {
			t.Fatal(err)
		}
		if lines, err := l.History(t.Context(), queued.Key()); err != nil || len(lines) != want {
			t.Errorf("%q by %s: %d lines, want %d (%v)", text, actor, len(lines), want, err)
		}
	}
	note("asked the courier \xff", wang, 1)
	note("asked the courier \xff", wang, 1)
	note("asked the courier \xff", "li", 2)
	note("no answer", "li", 3)
	note("asked the courier \xff", "li", 4) // not right after itself: meant
	if line := lastLine(t, l, queued.Key()); line.Act != ledger.ActNote || !line.Audit || line.Detail != "asked the courier �" || line.From != "" || line.To != "" {
		t.Errorf("%+v", line)
	}
	if now := get(t, l, parcel(1)); now.Version != queued.Version || now.Feed != queued.Feed {
		t.Errorf("a note has changed the shipment: %+v", now)
	}
	begin(t, l, queued, time.Hour) // and is in nobody's way
	if err := l.Note(t.Context(), parcel(2).Key(), "x", wang); !errors.Is(err, ledger.ErrNotFound) {
		t.Error(err)
	}
}

func testAssign(t *testing.T) {
	l := book(t)
	dead := died(t, l, 1, ledger.Move{})
	for _, to := range []string{"li", "王", ""} {
		before := dead.Assignee
		var err error
		if dead, err = l.Assign(t.Context(), dead, to, wang); err != nil || dead.Assignee != to || dead.State != shipment.Dead {
			t.Fatalf("%+v %v", dead, err)
		}
		line := lastLine(t, l, dead.Key())
		if line.Act != ledger.ActAssign || line.Before["assignee"] != before || line.After["assignee"] != to || line.To != "" {
			t.Errorf("%+v", line)
		}
	}
}

// The history of a shipment to which everything is done is one walk along the arrows, and ends where it stands.
func testPeoplesActsMoveAlongArrows(t *testing.T) {
	l := book(t)
	r := calledInVain(t, l, 1, ledger.Move{Found: ledger.FoundWaiting})
	r = resent(t, l, closed(t, l, r), ledger.SendAgain{})
	r, err := l.Settle(t.Context(), r, ledger.Move{To: shipment.Dead, Reason: shipment.ReasonAlreadyShipped, Found: ledger.FoundShipped}, "w")
	if err != nil {
		t.Fatal(err)
	}
	if _, err = l.Assign(t.Context(), r, "li", wang); err != nil {
		t.Fatal(err)
	}
	bulk := preview(t, l, ledger.BulkOrder{Act: ledger.ActClose, Actor: wang})
	runBulk(t, l, bulk.ID, false)
	runBulk(t, l, bulk.ID, true)
	if r, err = l.MarkShipped(t.Context(), get(t, l, parcel(1)), wang); err != nil {
		t.Fatal(err)
	}
	for _, undo := range []string{"send again", "close", "mark shipped", "assign"} {
		if _, err := acts[undo].do(t, l, r); err == nil {
			t.Errorf("%s: shipped is final", undo)
		}
	}
	lines, err := l.History(t.Context(), r.Key())
	if err != nil {
		t.Fatal(err)
	}
	at, version, ways := shipment.Queued, int64(0), []string{}
	for _, line := range lines {
		if line.To == "" {
			continue
		}
		if line.From != at || !line.From.CanBecome(line.To) || line.Version <= version {
			t.Errorf("it stood at %s, version %d, and the history goes on with %+v", at, version, line)
		}
		at, version = line.To, line.Version
		ways = append(ways, string(line.To))
	}
	want := []string{"calling", "dead", "closed", "queued", "dead", "closed", "dead", "shipped"}
	if at != r.State || !slices.Equal(ways, want) {
		t.Errorf("%v, and it is %s", ways, r.State)
	}
}
