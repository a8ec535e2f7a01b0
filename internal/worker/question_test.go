package worker_test

import (
	"errors"
	"testing"
	"time"

	"fahuo/internal/alipay"
	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
	"fahuo/internal/tasks"
	"fahuo/internal/worker"
)

const person = "wang"

// dies accepts a shipment and waits until it is a dead letter of which everything is known.
func (s *scene) dies(p shipment.Shipment, faults ...alipaytest.Fault) ledger.Row {
	s.t.Helper()
	s.gateway.Inject(faults...)
	s.accept(p)
	s.until("dead", func() bool {
		r := s.row(p)
		return r.State == shipment.Dead && !r.Feed && (!r.Barred || r.Found != "")
	})
	return s.row(p)
}

// asks has the worker answer a question.
func (s *scene) asks(p shipment.Shipment) ledger.Question {
	s.t.Helper()
	s.must(s.book.Ask(s.t.Context(), p.Key(), person))
	var q ledger.Question
	s.until("an answer", func() bool {
		var err error
		q, err = s.book.LastQuestion(s.t.Context(), p.Key())
		s.must(err)
		return !q.AnsweredAt.IsZero()
	})
	return q
}

func (s *scene) sendAgain(r ledger.Row) ledger.Row {
	s.t.Helper()
	r, err := s.book.SendAgain(s.t.Context(), r, ledger.SendAgain{}, person)
	s.must(err)
	return r
}

func TestAQuestionIsAnsweredByTheWorker(t *testing.T) {
	t.Parallel()
	s := set(t, 20*time.Millisecond)
	s.start()
	p := parcel(0)
	s.gateway.PutTrade(alipaytest.Trade{Partner: partner, No: p.TradeNo, Status: "TRADE_CLOSED"})
	dead := s.dies(p)
	if dead.Found != ledger.FoundNotShippable {
		t.Fatalf("%+v", dead)
	}
	queries := s.queries(p)
	for _, c := range []struct {
		status string
		fault  string
		want   ledger.Finding
		code   string
	}{
		{"WAIT_SELLER_SEND_GOODS", "", ledger.FoundWaiting, ""},
		{"WAIT_BUYER_CONFIRM_GOODS", "", ledger.FoundShipped, ""},
		{"TRADE_FINISHED", "", ledger.FoundNotShippable, ""},
		{"", alipay.CodeTradeNotExist, ledger.FoundNotExist, alipay.CodeTradeNotExist},
	} {
		if c.status != "" {
			s.gateway.PutTrade(alipaytest.Trade{Partner: partner, No: p.TradeNo, Status: c.status})
		}
		if c.fault != "" {
			s.gateway.Inject(alipaytest.Fault{Service: "query", TradeNo: p.TradeNo, Kind: alipaytest.ErrorCode, Code: c.fault})
		}
		q := s.asks(p)
		if q.Found != c.want || q.TradeStatus != c.status || q.Code != c.code || q.Error != "" || q.AnsweredAt.Before(q.TakenAt) {
			t.Errorf("%s%s: %+v", c.status, c.fault, q)
		}
		if r := s.row(p); r.State != shipment.Dead || r.Found != c.want || r.TradeStatus != c.status {
			t.Errorf("%+v", r)
		}
		queries++
	}
	if got := s.queries(p); got != queries {
		t.Errorf("%d queries, want %d: one for each question", got, queries)
	}
	if len(s.called()) != 0 {
		t.Error("a question has led to a call")
	}
	calls, err := s.book.Calls(t.Context(), p.Key())
	if err != nil || len(calls) != queries {
		t.Errorf("%d calls on record, %v (R3)", len(calls), err)
	}
	s.until("the dead letter with what was found in its queue", func() bool { return !s.row(p).Feed })
	s.lawful()
}

func TestAQuestionOfAnAccountThatMayNotQuery(t *testing.T) {
	t.Parallel()
	s := set(t, 20*time.Millisecond)
	s.start()
	p := parcel(0)
	dead := s.dies(p, alipaytest.Fault{TradeNo: p.TradeNo, Kind: alipaytest.ErrorCode, Code: "ILLEGAL_ARGUMENT"})
	s.gateway.Inject(alipaytest.Fault{Service: "query", Kind: alipaytest.ErrorCode, Code: alipay.CodeMayNotUse, Times: -1})
	q := s.asks(p)
	if q.Code != alipay.CodeMayNotUse || q.Found != "" || q.TradeStatus != "" {
		t.Errorf("%+v", q)
	}
	if r := s.row(p); r.Version != dead.Version || r.Found != dead.Found {
		t.Errorf("nothing was found, and the case has changed: %+v", r)
	}
	a, err := s.book.Account(t.Context(), partner)
	if err != nil || a.NoQueryAt.IsZero() {
		t.Errorf("not remembered: %+v %v", a, err)
	}
	if _, err := s.book.SendAgain(t.Context(), dead, ledger.SendAgain{}, person); err == nil {
		t.Error("sent again although nobody can tell whether it was shipped")
	}
	s.lawful()
}

// An answer that nobody vouches for tells nothing, whatever stands in it.
func TestAQuestionWhoseAnswerDoesNotCount(t *testing.T) {
	t.Parallel()
	s := set(t, 20*time.Millisecond)
	s.start()
	p := parcel(0)
	dead := s.dies(p, alipaytest.Fault{TradeNo: p.TradeNo, Kind: alipaytest.ErrorCode, Code: "ILLEGAL_ARGUMENT"})
	for _, kind := range []alipaytest.FaultKind{alipaytest.WrongSignature, alipaytest.Drop, alipaytest.HTMLPage} {
		s.gateway.Inject(alipaytest.Fault{Service: "query", TradeNo: p.TradeNo, Kind: kind})
		if q := s.asks(p); q.Found != "" || q.TradeStatus != "" || q.Error == "" {
			t.Errorf("%v: %+v", kind, q)
		}
	}
	if r := s.row(p); r.Version != dead.Version {
		t.Errorf("%+v", r)
	}
	s.lawful()
}

func TestSendAgainIsCalledOnceMore(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault   alipaytest.Fault
		decided []alipaytest.Law
	}{
		"refused for its parameters": {alipaytest.Fault{Kind: alipaytest.ErrorCode, Code: "ILLEGAL_ARGUMENT"}, nil},
		"refused for good (C1)":      {alipaytest.Fault{Kind: alipaytest.StatusNotAvailable}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			fault := c.fault
			s := set(t, 20*time.Millisecond)
			s.start()
			p := parcel(0)
			fault.TradeNo = p.TradeNo
			dead := s.dies(p, fault)
			if fault.Kind == alipaytest.StatusNotAvailable && (!dead.Barred || dead.Found != ledger.FoundWaiting) {
				t.Fatalf("%+v", dead)
			}
			before := s.queries(p)
			s.sendAgain(dead)
			s.until("shipped", s.is(p, shipment.Shipped))
			if n := s.gateway.ShipCalls(p.TradeNo); n != 2 {
				t.Errorf("%d ship calls", n)
			}
			if s.queries(p) == before {
				t.Error("what may have been shipped was called without being asked about (U7)")
			}
			s.until("the dead letter's task gone", func() bool {
				there, err := s.belt.Dead(t.Context())
				s.must(err)
				return there[p.Key()] != tasks.Present && !s.row(p).Feed
			})
			s.lawful(c.decided...)
		})
	}
}

// What was never called is called once, with what was corrected.
func TestSendAgainOfWhatWasNeverCalled(t *testing.T) {
	t.Parallel()
	s := set(t, 20*time.Millisecond)
	s.start()
	p := parcel(0)
	s.gateway.PutTrade(alipaytest.Trade{Partner: partner, No: p.TradeNo, Status: "WAIT_BUYER_PAY"})
	dead := s.dies(p)
	s.gateway.PutTrade(alipaytest.Trade{Partner: partner, No: p.TradeNo})
	no := "YT42"
	_, err := s.book.SendAgain(t.Context(), dead, ledger.SendAgain{Correction: ledger.Correction{InvoiceNo: &no}}, person)
	s.must(err)
	s.until("shipped", s.is(p, shipment.Shipped))
	if n := s.gateway.ShipCalls(p.TradeNo); n != 1 {
		t.Errorf("%d ship calls", n)
	}
	if trade, _ := s.gateway.Trade(p.TradeNo); trade.InvoiceNo != no {
		t.Errorf("shipped with %q", trade.InvoiceNo)
	}
	s.lawful()
}

// A first call that had shipped it without anybody knowing: the query settles it, nothing is called a second time.
func TestSendAgainOfWhatWasShipped(t *testing.T) {
	t.Parallel()
	s := set(t, 20*time.Millisecond, func(o *worker.Options) { o.Retry.For = time.Millisecond })
	s.start()
	p := parcel(0)
	dead := s.dies(p,
		alipaytest.Fault{TradeNo: p.TradeNo, Kind: alipaytest.SystemError, When: alipaytest.After},
		alipaytest.Fault{TradeNo: p.TradeNo, Service: "query", Kind: alipaytest.SystemError, Times: -1},
	)
	if dead.Reason != shipment.ReasonOutcomeUnknown || dead.Found != "" {
		t.Fatalf("%+v", dead)
	}
	s.gateway.ClearFaults()
	if sent := s.sendAgain(dead); !sent.Doubt {
		t.Errorf("%+v", sent)
	}
	s.until("shipped", s.is(p, shipment.Shipped))
	if n := s.gateway.ShipCalls(p.TradeNo); n != 1 {
		t.Errorf("%d ship calls", n)
	}
	s.lawful()
}

// A query that hangs keeps nobody waiting who asks about another account.
func TestAQuestionDoesNotWaitForAnotherAccounts(t *testing.T) {
	t.Parallel()
	s := set(t, 20*time.Millisecond, func(o *worker.Options) {
		creds := *o.Accounts[0].Credentials
		creds.Partner = neighbour
		o.Accounts = append(o.Accounts, worker.Account{Interval: o.Accounts[0].Interval, Credentials: &creds})
	})
	s.start()
	slow, quick := parcel(0), parcel(1)
	quick.Partner = neighbour
	s.gateway.PutTrade(alipaytest.Trade{Partner: partner, No: slow.TradeNo, Status: "TRADE_CLOSED"})
	s.gateway.PutTrade(alipaytest.Trade{Partner: neighbour, No: quick.TradeNo, Status: "TRADE_CLOSED"})
	s.dies(slow)
	s.dies(quick)
	s.gateway.Inject(alipaytest.Fault{Service: "query", TradeNo: slow.TradeNo, Kind: alipaytest.Hang, Times: -1})
	before := s.queries(slow)
	s.must(s.book.Ask(t.Context(), slow.Key(), person))
	s.until("the query that hangs", func() bool { return s.queries(slow) > before })
	for range 2 {
		s.asks(quick)
	}
	if q, err := s.book.LastQuestion(t.Context(), slow.Key()); err != nil || !q.AnsweredAt.IsZero() {
		t.Errorf("they have waited for it: %+v %v", q, err)
	}
	s.lawful()
}

// Whoever feeds for long says all the same that it uses the belt.
func TestTheBeltIsRenewedWithoutTheFeeder(t *testing.T) {
	t.Parallel()
	s := set(t, 20*time.Millisecond, func(o *worker.Options) { o.WithoutFeeder = true })
	s.start()
	seen := func() time.Time {
		t.Helper()
		var other *ledger.OtherBeltError
		if _, err := s.book.UseBelt(t.Context(), ledger.Belt{ID: "another", Name: "elsewhere"}); !errors.As(err, &other) {
			return time.Time{}
		}
		return other.Other.Seen
	}
	var first time.Time
	s.until("a belt", func() bool { first = seen(); return !first.IsZero() })
	s.until("renewed", func() bool { return seen().After(first) })
}

func TestHeartbeats(t *testing.T) {
	t.Parallel()
	s := set(t, 20*time.Millisecond)
	stop := s.start()
	own := func() ledger.Worker {
		t.Helper()
		workers, err := s.book.Workers(t.Context())
		s.must(err)
		if len(workers) == 0 {
			return ledger.Worker{}
		}
		return workers[0]
	}
	s.until("a heartbeat", func() bool { return own().Name == s.options.Name })
	at, err := s.book.Now(t.Context())
	s.must(err)
	first := own()
	if !first.Alive(at) || !first.Serves(partner) || first.Serves(neighbour) || !first.Stopped.IsZero() {
		t.Errorf("%+v", first)
	}
	s.until("another", func() bool { return own().Seen.After(first.Seen) })
	stop()
	// A second's time to say so is all that a stop has: of several one will do.
	for tries := 0; tries < 5 && own().Stopped.IsZero(); tries++ {
		again := s.start()
		s.until("it works again", func() bool { return own().Seen.After(first.Seen) })
		again()
	}
	if last := own(); last.Stopped.IsZero() || last.Alive(last.Seen) {
		t.Errorf("it has stopped and does not say so: %+v", last)
	}
}
