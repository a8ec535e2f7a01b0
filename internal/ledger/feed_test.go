package ledger_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

func unfed(t *testing.T, l *ledger.Ledger) []ledger.Row {
	t.Helper()
	var all []ledger.Row
	for _, state := range shipment.States() {
		rows, err := l.Unfed(t.Context(), state, 0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rows...)
	}
	return all
}

func fed(t *testing.T, l *ledger.Ledger, rows ...ledger.Row) {
	t.Helper()
	if err := l.Fed(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
}

func testUnfedIsInTheOrderOfAcceptance(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(3), parcel(1), parcel(2))
	rows := unfed(t, l)
	if len(rows) != 3 || rows[0].TradeNo != parcel(3).TradeNo || rows[2].TradeNo != parcel(2).TradeNo {
		t.Fatalf("%+v", rows)
	}
	fed(t, l, rows[0])
	if rows := unfed(t, l); len(rows) != 2 {
		t.Fatalf("%d rows after one was fed", len(rows))
	}
	page, err := l.Unfed(t.Context(), shipment.Queued, rows[1].ID, 1)
	if err != nil || len(page) != 1 || page[0].ID != rows[2].ID {
		t.Fatalf("%+v %v", page, err)
	}
	fed(t, l)
}

func testFedIsByVersion(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1))
	old := unfed(t, l)[0]
	if _, err := l.Settle(t.Context(), old, ledger.Move{To: shipment.Queued, Doubt: true}, "w"); err != nil {
		t.Fatal(err)
	}
	fed(t, l, old)
	if len(unfed(t, l)) != 1 {
		t.Fatal("a version that was never put on the belt counts as fed")
	}
}

func testEveryChangeThatNeedsTheBeltIsMarked(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*testing.T, *ledger.Ledger, ledger.Row)
		marked bool
	}{
		"back in line by a decision": {func(t *testing.T, l *ledger.Ledger, r ledger.Row) {
			t.Helper()
			if _, err := l.Settle(t.Context(), r, ledger.Move{To: shipment.Queued}, "w"); err != nil {
				t.Fatal(err)
			}
		}, true},
		"handed back": {func(t *testing.T, l *ledger.Ledger, r ledger.Row) {
			t.Helper()
			if _, err := l.BackInLine(t.Context(), r, "w", "stop"); err != nil {
				t.Fatal(err)
			}
		}, true},
		"dead": {func(t *testing.T, l *ledger.Ledger, r ledger.Row) {
			t.Helper()
			if _, err := l.Settle(t.Context(), r, ledger.Move{To: shipment.Dead, Reason: shipment.ReasonNotShippable}, "w"); err != nil {
				t.Fatal(err)
			}
		}, true},
		"shipped": {func(t *testing.T, l *ledger.Ledger, r ledger.Row) {
			t.Helper()
			if _, err := l.Settle(t.Context(), r, shipped, "w"); err != nil {
				t.Fatal(err)
			}
		}, false},
		"begun": {func(t *testing.T, l *ledger.Ledger, r ledger.Row) {
			t.Helper()
			begin(t, l, r, time.Hour)
		}, false},
		"taken over by rescue": {func(t *testing.T, l *ledger.Ledger, r ledger.Row) {
			t.Helper()
			if _, err := l.TakeOver(t.Context(), begin(t, l, r, 0), 0, "w", false); err != nil {
				t.Fatal(err)
			}
		}, true},
		"taken over in hand": {func(t *testing.T, l *ledger.Ledger, r ledger.Row) {
			t.Helper()
			if _, err := l.TakeOver(t.Context(), begin(t, l, r, 0), 0, "w", true); err != nil {
				t.Fatal(err)
			}
		}, false},
		"cancelled": {func(t *testing.T, l *ledger.Ledger, _ ledger.Row) {
			t.Helper()
			if _, _, err := l.Cancel(t.Context(), ledger.Scope{Batch: "b1"}, "w"); err != nil {
				t.Fatal(err)
			}
		}, false},
		"the belt was lost": {func(t *testing.T, l *ledger.Ledger, _ ledger.Row) {
			t.Helper()
			if loaded, err := l.UseBelt(t.Context(), ledger.Belt{ID: "new", Name: "redis://new", Worker: "w"}); err != nil || !loaded {
				t.Fatal(loaded, err)
			}
		}, true},
		"missing on the belt": {func(t *testing.T, l *ledger.Ledger, r ledger.Row) {
			t.Helper()
			if err := l.FeedAgain(t.Context(), []ledger.Lost{{Row: r}}, "w"); err != nil {
				t.Fatal(err)
			}
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			l := book(t)
			accept(t, l, parcel(1))
			fed(t, l, unfed(t, l)...)
			c.change(t, l, get(t, l, parcel(1)))
			if got := len(unfed(t, l)) == 1; got != c.marked {
				t.Errorf("marked for the belt: %v, want %v", got, c.marked)
			}
		})
	}
}

func testADeadLettersTaskIsRememberedUntilItIsGone(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1))
	if _, err := l.Settle(t.Context(), get(t, l, parcel(1)), ledger.Move{To: shipment.Dead, Reason: shipment.ReasonNotShippable}, "w"); err != nil {
		t.Fatal(err)
	}
	fed(t, l, unfed(t, l)...)
	dead := get(t, l, parcel(1))
	if !dead.DeadTask || dead.Feed {
		t.Fatalf("%+v", dead)
	}
	found, err := l.Evidence(t.Context(), dead, ledger.Finds{TradeStatus: "TRADE_CLOSED", Found: ledger.FoundNotShippable}, "w")
	if err != nil || !found.Feed || found.TradeStatus != "TRADE_CLOSED" {
		t.Fatalf("%+v %v", found, err)
	}
	if _, err := l.Evidence(t.Context(), dead, ledger.Finds{TradeStatus: "X"}, "w"); !errors.Is(err, ledger.ErrStale) {
		t.Fatal(err)
	}
}

func testAnOrphanComesBackUnderANewVersion(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1), parcel(2))
	fed(t, l, unfed(t, l)...)
	orphan := get(t, l, parcel(1))
	stale := get(t, l, parcel(2))
	begin(t, l, stale, time.Hour)
	err := l.FeedAgain(t.Context(), []ledger.Lost{{Row: orphan, Orphaned: true}, {Row: stale, Orphaned: true}}, "w2")
	if err != nil {
		t.Fatal(err)
	}
	back := get(t, l, parcel(1))
	if !back.Feed || !back.Begun || back.Version != orphan.Version+1 {
		t.Fatalf("%+v", back)
	}
	if rows := unfed(t, l); len(rows) != 1 {
		t.Fatalf("a row that is being called is fed: %+v", rows)
	}
	if _, err := l.Begin(t.Context(), orphan, attempt(time.Hour)); err == nil {
		t.Fatal("the old holder can still begin")
	}
}

func testOnBeltAndPartners(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1), parcel(2))
	fed(t, l, unfed(t, l)[0])
	rows, err := l.OnBelt(t.Context(), partner, shipment.Queued, ledger.Cursor{}, 10)
	if err != nil || len(rows) != 1 || rows[0].TradeNo != parcel(1).TradeNo {
		t.Fatal(rows, err)
	}
	if p, err := l.Partners(t.Context(), shipment.Queued); err != nil || len(p) != 1 || p[0] != partner {
		t.Fatal(p, err)
	}
	if p, err := l.Partners(t.Context(), shipment.Dead); err != nil || len(p) != 0 {
		t.Fatal(p, err)
	}
}

func testATaskThatIsNoShipmentIsADeadLetter(t *testing.T) {
	l := book(t)
	k := shipment.Key{Partner: partner, TradeNo: "garbage"}
	for range 2 {
		if err := l.AcceptDead(t.Context(), k, []byte("raw \xff bytes"), "w"); err != nil {
			t.Fatal(err)
		}
	}
	row, err := l.Get(t.Context(), k)
	if err != nil || row.State != shipment.Dead || row.Reason != shipment.ReasonBadPayload || !row.Feed {
		t.Fatalf("%+v %v", row, err)
	}
	if lines, err := l.History(t.Context(), k); err != nil || len(lines) != 2 {
		t.Fatal(lines, err)
	}
}

func testQueriesAndRemarksAreRecorded(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1))
	a := ledger.Answer{Verdict: "succeeded", HTTPStatus: 200, TradeStatus: "WAIT_SELLER_SEND_GOODS", Verified: true, Body: "<alipay/>", Duration: 30 * time.Millisecond}
	if err := l.RecordQuery(t.Context(), parcel(1).Key(), "single_trade_query", "w", "{}", a); err != nil {
		t.Fatal(err)
	}
	calls, err := l.Calls(t.Context(), parcel(1).Key())
	if err != nil || len(calls) != 1 || calls[0].Answer != a || calls[0].FinishedAt.Sub(calls[0].BegunAt) != a.Duration {
		t.Fatalf("%+v %v", calls, err)
	}
	if err := l.Remark(t.Context(), parcel(1).Key(), "w", "seen \xff"); err != nil {
		t.Fatal(err)
	}
	if lines, err := l.History(t.Context(), parcel(1).Key()); err != nil || len(lines) != 1 || lines[0].Detail != "seen �" {
		t.Fatal(lines, err)
	}
	for _, refused := range []bool{true, true, false, false} {
		news, err := l.MayNotQuery(t.Context(), partner, refused)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := l.MayNotQuery(t.Context(), partner, refused); err != nil || again {
			t.Fatal("the same is news twice", news, err)
		}
		if got := !account(t, l).NoQueryAt.IsZero(); got != refused {
			t.Fatalf("refused %v, remembered %v", refused, got)
		}
	}
	if err := l.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func testCountsForMetrics(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1), parcel(2))
	if _, err := l.Settle(t.Context(), get(t, l, parcel(1)), ledger.Move{To: shipment.Dead, Reason: shipment.ReasonNotShippable}, "w"); err != nil {
		t.Fatal(err)
	}
	deaths, err := l.DeathCount(t.Context())
	if err != nil || deaths[shipment.ReasonNotShippable] != 1 {
		t.Fatal(deaths, err)
	}
	oldest, err := l.OldestQueued(t.Context())
	if err != nil || oldest[partner].IsZero() {
		t.Fatal(oldest, err)
	}
	known, err := l.Accounts(t.Context())
	if err != nil || len(known) != 1 || known[0].Name != "旗舰店" {
		t.Fatal(known, err)
	}
	settled := parcel(3)
	settled.Partner = "2088000000000002"
	accept(t, l, settled)
	if _, err := l.Settle(t.Context(), get(t, l, settled), shipped, "w"); err != nil {
		t.Fatal(err)
	}
	in, err := l.PartnersIn(t.Context(), ledger.Scope{Batch: "b1"})
	if err != nil || len(in) != 2 {
		t.Fatal(in, err)
	}
	if in, err = l.PartnersWaiting(t.Context(), ledger.Scope{Batch: "b1"}); err != nil || !slices.Equal(in, []string{partner}) {
		t.Fatal(in, err)
	}
}
