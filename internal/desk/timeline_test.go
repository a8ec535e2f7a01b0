package desk_test

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"fahuo/internal/beijing"
	"fahuo/internal/desk"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// The trail has a cancelling twice, as the wish of a person and as what became of the shipment; the timeline once.
func TestACancellingIsToldOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	v := parcel(1)
	s.accept(v)
	wang := s.as("wang", "zh")
	wang.follow(wang.submit(wang.look(casePath(v)), casePath(v)+"/cancel"))
	story := wang.look(casePath(v)).find(func(n *html.Node) bool { return attr(n, "class") == "timeline" })
	if n := strings.Count(text(story), desk.Sentences("zh")["event.cancel"]); n != 1 {
		t.Errorf("told %d times: %s", n, text(story))
	}
}

// That nothing was learnt is told until something happens to the case.
func TestAnAnswerIsNewUntilTheCaseMovesOn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	v := parcel(1)
	s.die(v, refused("", ""))
	must(t, s.book.Ask(t.Context(), v.Key(), "wang"))
	question := must1(s.book.TakeQuestions(t.Context(), []string{partner}))[0]
	must(t, s.book.AnswerQuestion(t.Context(), question, ledger.Finds{Error: "timeout"}, "worker-1"))
	wang := s.as("wang", "zh")
	said := desk.Sentences("zh")["case.no_answer"]
	wang.look(casePath(v)).says(said)
	must1(s.book.Assign(t.Context(), s.row(v), "wang", "wang"))
	wang.look(casePath(v)).saysNot(said)
}

// What is not due yet is not called sooner, however short the line is.
func TestACallIsForeseenNoSoonerThanItIsDue(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	v := parcel(1)
	s.accept(v)
	s.serve("worker-1", partner)
	due := time.Now().Add(5 * time.Hour)
	s.change(`UPDATE shipments SET not_before = ?, begun = 1 WHERE trade_no = ?`, due.UnixMicro(), v.TradeNo)
	s.as("look", "zh").look(casePath(v)).says(due.In(beijing.Zone).Format("2006-01-02 15:04:05"))
}

// Alipay's support is told the code of the last call where the shipment itself has none any more.
func TestSupportIsToldTheLastCallsCode(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	v := parcel(1)
	s.die(v, refused(ledger.FoundWaiting, "WAIT_SELLER_SEND_GOODS"))
	must1(s.book.SendAgain(t.Context(), s.row(v), ledger.SendAgain{}, "wang"))
	if row := s.row(v); row.ErrorCode != "" || row.State != shipment.Queued {
		t.Fatalf("%+v", row)
	}
	p := s.as("look", "zh").look(casePath(v))
	box := p.find(func(n *html.Node) bool { return n.Data == "textarea" && has(n, "readonly") })
	if !strings.Contains(text(box), "TRADE_STATUS_NOT_AVAILD") {
		t.Errorf("%q", text(box))
	}
}
