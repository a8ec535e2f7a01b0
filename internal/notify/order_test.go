package notify_test

import (
	"testing"
	"time"

	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// Status only moves forward: what comes late, or again under another id, changes nothing.
func TestReversedOrder(t *testing.T) {
	s := set(t)
	s.accept(parcel(1))
	at := time.Now()
	for i, status := range []string{"TRADE_CLOSED", "WAIT_BUYER_CONFIRM_GOODS", "WAIT_SELLER_SEND_GOODS", "WAIT_BUYER_PAY"} {
		body := s.issue(parcel(1), alipaytest.Notice{Status: status, Time: at.Add(time.Duration(-i) * time.Minute)})
		if got := s.post(body); got != success {
			t.Fatal(status, got, s.log)
		}
		r := s.row(parcel(1))
		if r.State != shipment.Dead || r.Reason != shipment.ReasonNotShippable || r.TradeStatus != "TRADE_CLOSED" || r.Found != ledger.FoundNotShippable {
			t.Fatalf("after %s: %+v", status, r)
		}
	}
	notices, err := s.book.Notices(t.Context(), parcel(1).Key())
	if err != nil || len(notices) != 4 || notices[0].Stale || !notices[1].Stale || !notices[2].Stale || !notices[3].Stale {
		t.Errorf("%+v %v", notices, err)
	}
}

// The buyer asks for the money back, and no longer does: what was said later stands, whatever comes first.
func TestRefundsInAnyOrder(t *testing.T) {
	s := set(t)
	s.accept(parcel(1))
	at := time.Now()
	for i, refund := range []string{"WAIT_SELLER_AGREE", "REFUND_CLOSED"} {
		body := s.issue(parcel(1), alipaytest.Notice{Status: "WAIT_SELLER_SEND_GOODS", Refund: refund, Time: at.Add(time.Duration(i) * time.Minute)})
		if got := s.post(body); got != success {
			t.Fatal(got)
		}
		if r := s.row(parcel(1)); r.RefundStatus != refund || r.State != shipment.Queued || r.Version != 1 {
			t.Fatalf("%+v", r)
		}
	}
	late := s.issue(parcel(1), alipaytest.Notice{Status: "WAIT_SELLER_SEND_GOODS", Refund: "WAIT_SELLER_AGREE", Time: at.Add(30 * time.Second)})
	if got := s.post(late); got != success || s.row(parcel(1)).RefundStatus != "REFUND_CLOSED" {
		t.Error(got, s.row(parcel(1)).RefundStatus)
	}
}

// The notification is there before the answer to the call; whatever that one says, nothing is done twice.
func TestBeforeTheAnswer(t *testing.T) {
	s := set(t)
	begun := s.begun(parcel(1), time.Hour)
	if got := s.post(s.issue(parcel(1), alipaytest.Notice{})); got != success {
		t.Fatal(got)
	}
	if r := s.row(parcel(1)); r.State != shipment.Shipped || r.Token != 0 {
		t.Fatalf("%+v", r)
	}
	done, err := s.book.Finish(t.Context(), begun, ledger.Finish{
		Answer: ledger.Answer{Verdict: "succeeded"}, Move: ledger.Move{To: shipment.Shipped, TradeStatus: "WAIT_BUYER_CONFIRM_GOODS"}, Answered: true, Interval: time.Second,
	})
	if err != nil || done.Late || done.Row.State != shipment.Shipped {
		t.Fatal(done, err)
	}
	if a, err := s.book.Account(t.Context(), partner); err != nil || a.InFlight || a.OpenAt.Sub(a.Now) > time.Second {
		t.Errorf("the slot is not back: %+v %v", a, err)
	}
	lines, err := s.book.History(t.Context(), parcel(1).Key())
	times := 0
	for _, l := range lines {
		if l.To == shipment.Shipped {
			times++
		}
	}
	if err != nil || times != 1 {
		t.Errorf("shipped %d times: %+v %v", times, lines, err)
	}
}

// An account that may not query has nobody else to ask: without the notification the shipment would be a dead letter.
func TestDoubtIsSettledWithoutAQuery(t *testing.T) {
	s := set(t)
	if _, err := s.book.MayNotQuery(t.Context(), partner, true); err != nil {
		t.Fatal(err)
	}
	s.called(parcel(1))
	if got := s.post(s.issue(parcel(1), alipaytest.Notice{Status: "WAIT_SYS_PAY_SELLER"})); got != success || s.row(parcel(1)).State != shipment.Shipped {
		t.Fatal(got, s.row(parcel(1)))
	}
	// And one that was given up already can be settled by a person.
	r := s.called(parcel(2))
	r, err := s.book.Settle(t.Context(), r, ledger.Move{To: shipment.Dead, Reason: shipment.ReasonOutcomeUnknown}, "w0")
	if err != nil || r.CanMarkShipped() == "" {
		t.Fatal(r, err)
	}
	if got := s.post(s.issue(parcel(2), alipaytest.Notice{})); got != success {
		t.Fatal(got)
	}
	if r = s.row(parcel(2)); r.State != shipment.Dead || r.CanMarkShipped() != "" || r.CanSendAgain(false) != ledger.ObstacleShipped {
		t.Errorf("%+v", r)
	}
}
