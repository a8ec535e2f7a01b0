package ledger_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

func testBulkGoesOnAfterAnInterruption(t *testing.T) {
	url := newURL(t)
	l := open(t, url)
	announce(t, l)
	const n = 2*ledger.BulkPage + 50
	manyDead(t, l, n)
	b := preview(t, l, ledger.BulkOrder{Act: ledger.ActClose, Actor: wang})
	if over := stepBulk(t, l, b.ID); !over || bulk(t, l, b.ID).Counts.Todo != n {
		t.Fatal("what nobody has started is done")
	}
	startBulk(t, l, b.ID, false)
	stepBulk(t, l, b.ID)
	if b = bulk(t, l, b.ID); b.State != ledger.BulkRunning || b.Counts.Done != ledger.BulkPage || b.Counts.Todo != n-ledger.BulkPage {
		t.Fatalf("%+v", b)
	}
	if err := l.StartBulk(t.Context(), b.ID, false, "li"); !errors.Is(err, ledger.ErrStale) {
		t.Errorf("started twice: %v", err)
	}
	if err := l.StartBulk(t.Context(), b.ID, true, "li"); !errors.Is(err, ledger.ErrStale) {
		t.Errorf("taken back in the middle: %v", err)
	}
	other := open(t, url)
	finishBulk(t, other, b.ID)
	if b = bulk(t, l, b.ID); b.State != ledger.BulkDone || b.Counts.Done != n || b.Counts.Total() != n || b.Actor != wang {
		t.Errorf("%+v", b)
	}
	if done := ledger.Number(t, l, `SELECT COUNT(*) FROM shipments WHERE state = 'closed' AND version = 3`); done != n {
		t.Errorf("%d are closed", done)
	}
	if !stepBulk(t, l, b.ID) {
		t.Error("what is over is not over")
	}
}

func testTwoRunnersDoNothingTwice(t *testing.T) {
	url := newURL(t)
	l := open(t, url)
	announce(t, l)
	const n = 2*ledger.BulkPage + 50
	manyDead(t, l, n)
	b := preview(t, l, ledger.BulkOrder{Act: ledger.ActSendAgain, Actor: wang})
	startBulk(t, l, b.ID, false)
	var wg sync.WaitGroup
	for range 3 {
		mine := open(t, url)
		wg.Go(func() {
			for {
				over, err := mine.StepBulk(t.Context(), b.ID)
				if err != nil {
					t.Error(err)
				}
				if over || err != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	if b = bulk(t, l, b.ID); b.State != ledger.BulkDone || b.Counts.Done != n || b.Counts.Total() != n {
		t.Errorf("%+v", b)
	}
	if once := ledger.Number(t, l, `SELECT COUNT(*) FROM shipments WHERE state = 'queued' AND version = 3 AND resent = 1`); once != n {
		t.Errorf("%d were sent again once", once)
	}
	if lines := ledger.Number(t, l, `SELECT COUNT(*) FROM history WHERE bulk = ?`, b.ID); lines != n+1 {
		t.Errorf("%d lines of history", lines)
	}
}

func testUndoOfAClosing(t *testing.T) {
	l := book(t)
	var before []ledger.Row
	for n := range 4 {
		before = append(before, calledInVain(t, l, n, ledger.Move{Bar: true, Found: ledger.FoundWaiting, TradeStatus: "WAIT_SELLER_SEND_GOODS"}))
	}
	fed(t, l, before[0])
	b := preview(t, l, ledger.BulkOrder{Act: ledger.ActClose, Actor: wang, Argument: "settled"})
	if err := l.StartBulk(t.Context(), b.ID, true, wang); !errors.Is(err, ledger.ErrStale) {
		t.Errorf("taken back before it was done: %v", err)
	}
	runBulk(t, l, b.ID, false)
	resent(t, l, get(t, l, parcel(3)), ledger.SendAgain{})
	b = runBulk(t, l, b.ID, true)
	if b.State != ledger.BulkUndone || b.Counts.Undone != 3 || b.Counts.Done != 0 || b.Counts.Obstacles[ledger.ObstacleChanged] != 1 {
		t.Errorf("%+v", b)
	}
	for n, old := range before[:3] {
		now, line := get(t, l, parcel(n)), lastLine(t, l, parcel(n).Key())
		if line.Act != ledger.ActUndoClose || line.From != shipment.Closed || line.To != shipment.Dead || line.Bulk != b.ID || line.Version != now.Version {
			t.Errorf("%+v", line)
		}
		if !now.Feed { // the task in the dead-letter queue may be gone
			t.Error("not to be fed")
		}
		old.ReadAt, old.ChangedAt, old.Version, old.Feed, old.DeadTask = now.ReadAt, now.ChangedAt, old.Version+2, true, n == 0
		if now != old {
			t.Errorf("not as if nothing had been done:\n%+v\n%+v", now, old)
		}
	}
	if r := get(t, l, parcel(3)); r.State != shipment.Queued {
		t.Errorf("sent again meanwhile: %+v", r)
	}
	if err := l.StartBulk(t.Context(), b.ID, true, wang); !errors.Is(err, ledger.ErrStale) {
		t.Errorf("taken back twice: %v", err)
	}
	again := preview(t, l, ledger.BulkOrder{Act: ledger.ActClose, Actor: wang})
	runBulk(t, l, again.ID, false)
	runBulk(t, l, again.ID, true)
	if now := get(t, l, parcel(0)); !now.SettledAt.Equal(before[0].SettledAt) {
		t.Errorf("died at %v, and after the second time at %v", before[0].SettledAt, now.SettledAt)
	}
	for _, act := range []ledger.Act{ledger.ActAssign, ledger.ActSendAgain} {
		other := runBulk(t, l, preview(t, l, ledger.BulkOrder{Act: act, Actor: wang}).ID, false)
		if err := l.StartBulk(t.Context(), other.ID, true, wang); !errors.Is(err, ledger.ErrStale) {
			t.Errorf("%s is taken back: %v", act, err)
		}
	}
}

func testOldPreviewsAreForgotten(t *testing.T) {
	l := book(t)
	for n := range 2 {
		died(t, l, n, ledger.Move{})
	}
	done := runBulk(t, l, preview(t, l, ledger.BulkOrder{Act: ledger.ActAssign, Actor: wang}).ID, false)
	old := preview(t, l, ledger.BulkOrder{Act: ledger.ActClose, Actor: wang})
	ledger.BackDate(t, l, "bulks", "made_at", 25*time.Hour)
	fresh := preview(t, l, ledger.BulkOrder{Act: ledger.ActClose, Actor: wang})
	preview(t, l, ledger.BulkOrder{Act: ledger.ActClose, Actor: wang})
	if _, err := l.Bulk(t.Context(), old.ID); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("shown a day ago: %v", err)
	}
	if err := l.StartBulk(t.Context(), old.ID, false, wang); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("started: %v", err)
	}
	if bulk(t, l, fresh.ID).Counts.Todo != 2 || bulk(t, l, done.ID).Counts.Done != 2 {
		t.Error("others were forgotten with it")
	}
	if n := ledger.Number(t, l, `SELECT COUNT(*) FROM bulk_items WHERE bulk = ?`, old.ID); n != 0 {
		t.Errorf("%d items are left", n)
	}
}
