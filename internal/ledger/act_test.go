package ledger_test

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

const wang = "wang"

// died is a shipment that a query has made a dead letter, so that it was never called.
func died(t *testing.T, l *ledger.Ledger, n int, m ledger.Move) ledger.Row {
	t.Helper()
	if m.Reason == "" {
		m.Reason = shipment.ReasonNotShippable
	}
	m.To = shipment.Dead
	accept(t, l, parcel(n))
	r, err := l.Settle(t.Context(), get(t, l, parcel(n)), m, "w")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// calledInVain is a shipment that was called and is a dead letter now.
func calledInVain(t *testing.T, l *ledger.Ledger, n int, m ledger.Move) ledger.Row {
	t.Helper()
	if m.Reason == "" {
		m.Reason = shipment.ReasonTradeStatusNotAvailable
	}
	m.To = shipment.Dead
	accept(t, l, parcel(n))
	return finish(t, l, begin(t, l, get(t, l, parcel(n)), time.Hour), ledger.Finish{Move: m, Answered: true, Since: time.Second}).Row
}

func closed(t *testing.T, l *ledger.Ledger, r ledger.Row) ledger.Row {
	t.Helper()
	r, err := l.CloseCase(t.Context(), r, "settled by hand", wang)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func resent(t *testing.T, l *ledger.Ledger, r ledger.Row, s ledger.SendAgain) ledger.Row {
	t.Helper()
	r, err := l.SendAgain(t.Context(), r, s, wang)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func mayNotQuery(t *testing.T, l *ledger.Ledger, refused bool) {
	t.Helper()
	if _, err := l.MayNotQuery(t.Context(), partner, refused); err != nil {
		t.Fatal(err)
	}
}

// lastLine is what stands last in a shipment's history.
func lastLine(t *testing.T, l *ledger.Ledger, k shipment.Key) ledger.Line {
	t.Helper()
	lines, err := l.History(t.Context(), k)
	if err != nil || len(lines) == 0 {
		t.Fatal(lines, err)
	}
	return lines[len(lines)-1]
}

// acts are what a person does to one shipment, each with a dead letter to which it can be done.
var acts = map[string]struct {
	found ledger.Finding
	do    func(*testing.T, *ledger.Ledger, ledger.Row) (ledger.Row, error)
	to    shipment.State
}{
	"send again": {"", func(t *testing.T, l *ledger.Ledger, r ledger.Row) (ledger.Row, error) {
		t.Helper()
		return l.SendAgain(t.Context(), r, ledger.SendAgain{}, wang)
	}, shipment.Queued},
	"close": {"", func(t *testing.T, l *ledger.Ledger, r ledger.Row) (ledger.Row, error) {
		t.Helper()
		return l.CloseCase(t.Context(), r, "why", wang)
	}, shipment.Closed},
	"mark shipped": {ledger.FoundShipped, func(t *testing.T, l *ledger.Ledger, r ledger.Row) (ledger.Row, error) {
		t.Helper()
		return l.MarkShipped(t.Context(), r, wang)
	}, shipment.Shipped},
	"assign": {"", func(t *testing.T, l *ledger.Ledger, r ledger.Row) (ledger.Row, error) {
		t.Helper()
		return l.Assign(t.Context(), r, "li", wang)
	}, shipment.Dead},
}

// An act on what is no longer as it was shown changes nothing, although it could still be done.
func testActsAreCompareAndSwap(t *testing.T) {
	l := book(t)
	n := 0
	for name, act := range acts {
		n++
		old := died(t, l, n, ledger.Move{Found: act.found})
		now, err := l.Assign(t.Context(), old, "somebody", "li")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := act.do(t, l, old); !errors.Is(err, ledger.ErrStale) {
			t.Errorf("%s, on an old version: %v", name, err)
		}
		after := get(t, l, parcel(n))
		if after.ReadAt = now.ReadAt; after != now {
			t.Errorf("%s, on an old version, changed it:\n%+v\n%+v", name, now, after)
		}
		done, err := act.do(t, l, now)
		if err != nil || done.State != act.to || done.Version != now.Version+1 {
			t.Errorf("%s, on the present one: %+v %v", name, done, err)
		}
		line := lastLine(t, l, old.Key())
		if !line.Audit || line.Actor != wang || line.Version != done.Version || line.Bulk != 0 {
			t.Errorf("%s stands in the history as %+v", name, line)
		}
		strange := now
		strange.TradeNo = parcel(999).TradeNo
		if _, err := act.do(t, l, strange); !errors.Is(err, ledger.ErrNotFound) {
			t.Errorf("%s, on nothing: %v", name, err)
		}
	}
}

// Whatever two people do to one case at once: one of them has done it, the other is told.
func testOfTwoPeopleAtOnceOneActs(t *testing.T) {
	url := newURL(t)
	l, other := open(t, url), open(t, url)
	announce(t, l)
	names := slices.Sorted(maps.Keys(acts))
	n := 0
	for _, a := range names {
		for _, b := range names {
			n++
			r := died(t, l, n, ledger.Move{Found: ledger.FoundShipped})
			if a == "send again" || b == "send again" {
				r = died(t, l, n+100, ledger.Move{})
			}
			var errs [2]error
			var wg sync.WaitGroup
			wg.Go(func() { _, errs[0] = acts[a].do(t, l, r) })
			wg.Go(func() { _, errs[1] = acts[b].do(t, other, r) })
			wg.Wait()
			done := 0
			for i, err := range errs {
				var inTheWay *ledger.ObstacleError
				switch {
				case err == nil:
					done++
				case errors.As(err, &inTheWay) && []string{a, b}[i] == "mark shipped": // no query said so
				case !errors.Is(err, ledger.ErrStale):
					t.Errorf("%s and %s: %v", a, b, err)
				}
			}
			if done != 1 {
				t.Errorf("%s and %s at once: %d of them are done (%v)", a, b, done, errs)
			}
			if after, err := l.Get(t.Context(), r.Key()); err != nil || after.Version != r.Version+1 {
				t.Errorf("%s and %s: version %d after %d (%v)", a, b, after.Version, r.Version, err)
			}
		}
	}
}

func testWhatIsInTheWay(t *testing.T) {
	send := acts["send again"].do
	looked := func(t *testing.T, l *ledger.Ledger, r ledger.Row) (ledger.Row, error) {
		t.Helper()
		return l.SendAgain(t.Context(), r, ledger.SendAgain{Looked: true}, wang)
	}
	queued := func(t *testing.T, l *ledger.Ledger, n int) ledger.Row {
		t.Helper()
		accept(t, l, parcel(n))
		return get(t, l, parcel(n))
	}
	dead := func(m ledger.Move) func(*testing.T, *ledger.Ledger, int) ledger.Row {
		return func(t *testing.T, l *ledger.Ledger, n int) ledger.Row { t.Helper(); return died(t, l, n, m) }
	}
	called := func(m ledger.Move, silent bool) func(*testing.T, *ledger.Ledger, int) ledger.Row {
		return func(t *testing.T, l *ledger.Ledger, n int) ledger.Row {
			t.Helper()
			mayNotQuery(t, l, silent)
			return calledInVain(t, l, n, m)
		}
	}
	shut := func(f func(*testing.T, *ledger.Ledger, int) ledger.Row) func(*testing.T, *ledger.Ledger, int) ledger.Row {
		return func(t *testing.T, l *ledger.Ledger, n int) ledger.Row { t.Helper(); return closed(t, l, f(t, l, n)) }
	}
	garbage := func(t *testing.T, l *ledger.Ledger, n int) ledger.Row {
		t.Helper()
		if err := l.AcceptDead(t.Context(), parcel(n).Key(), []byte("x"), "w"); err != nil {
			t.Fatal(err)
		}
		return get(t, l, parcel(n))
	}
	marked := func(t *testing.T, l *ledger.Ledger, n int) ledger.Row {
		t.Helper()
		r, err := l.MarkShipped(t.Context(), dead(ledger.Move{Found: ledger.FoundShipped})(t, l, n), wang)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	l, n := book(t), 0
	for name, c := range map[string]struct {
		row  func(*testing.T, *ledger.Ledger, int) ledger.Row
		do   func(*testing.T, *ledger.Ledger, ledger.Row) (ledger.Row, error)
		want ledger.Obstacle
	}{
		"send again, queued":                                  {queued, send, ledger.ObstacleState},
		"send again, shipped":                                 {marked, send, ledger.ObstacleState},
		"send again, no shipment":                             {garbage, send, ledger.ObstaclePayload},
		"send again, found shipped":                           {dead(ledger.Move{Found: ledger.FoundShipped}), send, ledger.ObstacleShipped},
		"send again, found shipped, and looked":               {called(ledger.Move{Found: ledger.FoundShipped}, true), looked, ledger.ObstacleShipped},
		"reopen, found shipped":                               {shut(dead(ledger.Move{Found: ledger.FoundShipped})), send, ledger.ObstacleShipped},
		"send again, refused for good":                        {called(ledger.Move{Bar: true}, false), send, ledger.ObstacleRefused},
		"send again, refused for good, and looked":            {called(ledger.Move{Bar: true}, false), looked, ledger.ObstacleRefused},
		"send again, refused for good, not shippable":         {called(ledger.Move{Bar: true, Found: ledger.FoundNotShippable}, false), send, ledger.ObstacleRefused},
		"send again, refused for good, waits":                 {called(ledger.Move{Bar: true, Found: ledger.FoundWaiting}, false), send, ""},
		"reopen, refused for good":                            {shut(called(ledger.Move{Bar: true}, false)), send, ledger.ObstacleRefused},
		"send again, called, may not query":                   {called(ledger.Move{}, true), send, ledger.ObstacleLookFirst},
		"send again, refused for good, may not query":         {called(ledger.Move{Bar: true}, true), send, ledger.ObstacleLookFirst},
		"send again, called, may not query, looked":           {called(ledger.Move{}, true), looked, ""},
		"send again, refused for good, may not query, looked": {called(ledger.Move{Bar: true}, true), looked, ""},
		"send again, not shippable":                           {dead(ledger.Move{Found: ledger.FoundNotShippable}), send, ""},
		"close, queued":                                       {queued, acts["close"].do, ledger.ObstacleState},
		"close, closed":                                       {shut(dead(ledger.Move{})), acts["close"].do, ledger.ObstacleState},
		"close, no shipment":                                  {garbage, acts["close"].do, ""},
		"close, found shipped":                                {dead(ledger.Move{Found: ledger.FoundShipped}), acts["close"].do, ""},
		"mark shipped, queued":                                {queued, acts["mark shipped"].do, ledger.ObstacleState},
		"mark shipped, closed":                                {shut(dead(ledger.Move{Found: ledger.FoundShipped})), acts["mark shipped"].do, ledger.ObstacleState},
		"mark shipped, shipped":                               {marked, acts["mark shipped"].do, ledger.ObstacleState},
		"mark shipped, nobody has asked":                      {dead(ledger.Move{}), acts["mark shipped"].do, ledger.ObstacleNotFound},
		"mark shipped, waits":                                 {dead(ledger.Move{Found: ledger.FoundWaiting}), acts["mark shipped"].do, ledger.ObstacleNotFound},
		"assign, queued":                                      {queued, acts["assign"].do, ledger.ObstacleState},
		"assign, closed":                                      {shut(dead(ledger.Move{})), acts["assign"].do, ledger.ObstacleState},
	} {
		n++
		t.Run(name, func(t *testing.T) {
			mayNotQuery(t, l, false)
			before := c.row(t, l, n)
			after, err := c.do(t, l, before)
			if c.want == "" {
				if err != nil || after.Version != before.Version+1 {
					t.Fatalf("%+v %v", after, err)
				}
				return
			}
			var inTheWay *ledger.ObstacleError
			if !errors.As(err, &inTheWay) || inTheWay.Obstacle != c.want || inTheWay.Key != before.Key() {
				t.Fatalf("%v, want %s", err, c.want)
			}
			if now := get(t, l, parcel(n)); now.Version != before.Version || now.State != before.State {
				t.Fatalf("it has changed all the same: %+v", now)
			}
		})
	}
}

func testMarkedShippedIsSettled(t *testing.T) {
	l := book(t)
	dead := died(t, l, 1, ledger.Move{Found: ledger.FoundShipped, TradeStatus: "WAIT_BUYER_CONFIRM_GOODS"})
	fed(t, l, dead)
	done, err := l.MarkShipped(t.Context(), get(t, l, parcel(1)), wang)
	if err != nil || done.State != shipment.Shipped || done.SettledAt.Before(dead.SettledAt) || done.Reason != dead.Reason {
		t.Fatalf("%+v %v", done, err)
	}
	if line := lastLine(t, l, dead.Key()); line.Act != ledger.ActMarkShipped || line.From != shipment.Dead || line.To != shipment.Shipped {
		t.Fatalf("%+v", line)
	}
	if batch, err := l.Batch(t.Context(), "b1"); err != nil || batch.Counts[shipment.Shipped] != 1 || batch.Counts[shipment.Dead] != 0 {
		t.Fatalf("%+v %v", batch, err)
	}
}
