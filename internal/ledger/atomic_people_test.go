package ledger_test

import (
	"testing"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// addPeoples adds what people do, and what workers and desk do for them.
func addPeoples(all map[string]func(*testing.T, *ledger.Ledger) func() error) {
	for name, act := range acts {
		all[name] = func(t *testing.T, l *ledger.Ledger) func() error {
			t.Helper()
			r := died(t, l, 1, ledger.Move{Found: act.found})
			return func() error {
				_, err := act.do(t, l, r)
				return err
			}
		}
	}
	dead := func(f func(*testing.T, *ledger.Ledger, shipment.Key) error) func(*testing.T, *ledger.Ledger) func() error {
		return func(t *testing.T, l *ledger.Ledger) func() error {
			t.Helper()
			r := died(t, l, 1, ledger.Move{})
			return func() error { return f(t, l, r.Key()) }
		}
	}
	asked := func(f func(*testing.T, *ledger.Ledger, ledger.Question) error) func(*testing.T, *ledger.Ledger) func() error {
		return func(t *testing.T, l *ledger.Ledger) func() error {
			t.Helper()
			r := died(t, l, 1, ledger.Move{})
			ask(t, l, r.Key())
			q, err := l.LastQuestion(t.Context(), r.Key())
			if err != nil {
				t.Fatal(err)
			}
			return func() error { return f(t, l, q) }
		}
	}
	addEvents(all)
	for name, e := range map[string]ledger.Effect{
		"notified, shipped": {Move: shipped}, "notified, dead": {Move: ledger.Move{To: shipment.Dead, Reason: shipment.ReasonNotShippable}},
		"notified, refund": {Refund: true},
	} {
		all[name] = func(t *testing.T, l *ledger.Ledger) func() error {
			t.Helper()
			accept(t, l, parcel(1))
			n := notice(1, "n1", 4)
			n.RefundStatus = "R"
			return func() error {
				_, err := l.Notified(t.Context(), n, becomes(e), "w")
				return err
			}
		}
	}
	all["notified, found"] = dead(func(t *testing.T, l *ledger.Ledger, _ shipment.Key) error {
		t.Helper()
		_, err := l.Notified(t.Context(), notice(1, "n1", 4), becomes(ledger.Effect{Found: ledger.FoundShipped}), "w")
		return err
	})
	all["note"] = dead(func(t *testing.T, l *ledger.Ledger, k shipment.Key) error {
		t.Helper()
		return l.Note(t.Context(), k, "a note", wang)
	})
	all["enter"] = dead(func(t *testing.T, l *ledger.Ledger, _ shipment.Key) error {
		t.Helper()
		return l.Enter(t.Context(), wang, ledger.ActLogin, "refused")
	})
	all["ask"] = dead(func(t *testing.T, l *ledger.Ledger, k shipment.Key) error {
		t.Helper()
		return l.Ask(t.Context(), k, wang)
	})
	all["take questions"] = asked(func(t *testing.T, l *ledger.Ledger, _ ledger.Question) error {
		t.Helper()
		_, err := l.TakeQuestions(t.Context(), []string{partner})
		return err
	})
	all["answer question"] = asked(func(t *testing.T, l *ledger.Ledger, q ledger.Question) error {
		t.Helper()
		return l.AnswerQuestion(t.Context(), q, ledger.Finds{Found: ledger.FoundWaiting, TradeStatus: "WAIT"}, "w")
	})
	all["rejected"] = dead(func(t *testing.T, l *ledger.Ledger, _ shipment.Key) error {
		t.Helper()
		return l.SetRejected(t.Context(), "b1", 3)
	})
	all["heartbeat"] = dead(func(t *testing.T, l *ledger.Ledger, _ shipment.Key) error {
		t.Helper()
		return l.Heartbeat(t.Context(), "w1", []string{partner}, false)
	})
	addSessions(all)
	addBulks(all)
	all["look, people"] = func(t *testing.T, l *ledger.Ledger) func() error {
		t.Helper()
		ask(t, l, died(t, l, 1, ledger.Move{}).Key())
		b := preview(t, l, ledger.BulkOrder{Act: ledger.ActClose, Actor: wang})
		return func() error { return lookAsPeople(t, l, b.ID) }
	}
}

func addSessions(all map[string]func(*testing.T, *ledger.Ledger) func() error) {
	session := func(f func(*testing.T, *ledger.Ledger) error) func(*testing.T, *ledger.Ledger) func() error {
		return func(t *testing.T, l *ledger.Ledger) func() error {
			t.Helper()
			if err := l.OpenSession(t.Context(), "digest", wang, "here", time.Hour); err != nil {
				t.Fatal(err)
			}
			return func() error { return f(t, l) }
		}
	}
	all["open session"] = session(func(t *testing.T, l *ledger.Ledger) error {
		t.Helper()
		return l.OpenSession(t.Context(), "another", wang, "there", time.Hour)
	})
	all["close session"] = session(func(t *testing.T, l *ledger.Ledger) error {
		t.Helper()
		return l.CloseSession(t.Context(), "digest")
	})
	all["close sessions"] = session(func(t *testing.T, l *ledger.Ledger) error {
		t.Helper()
		_, err := l.CloseSessions(t.Context(), wang)
		return err
	})
}

// addBulks adds the steps of acts over many, each over one that can be done and one that cannot any more.
func addBulks(all map[string]func(*testing.T, *ledger.Ledger) func() error) {
	shown := func(t *testing.T, l *ledger.Ledger, act ledger.Act) int64 {
		t.Helper()
		died(t, l, 1, ledger.Move{})
		changed := died(t, l, 2, ledger.Move{})
		b := preview(t, l, ledger.BulkOrder{Act: act, Actor: wang, Argument: "li"})
		if _, err := l.Assign(t.Context(), changed, "zhao", "zhao"); err != nil {
			t.Fatal(err)
		}
		return b.ID
	}
	step := func(prepare func(*testing.T, *ledger.Ledger) int64) func(*testing.T, *ledger.Ledger) func() error {
		return func(t *testing.T, l *ledger.Ledger) func() error {
			t.Helper()
			id := prepare(t, l)
			return func() error {
				_, err := l.StepBulk(t.Context(), id)
				return err
			}
		}
	}
	for _, act := range []ledger.Act{ledger.ActSendAgain, ledger.ActClose, ledger.ActAssign} {
		all["step of many, "+string(act)] = step(func(t *testing.T, l *ledger.Ledger) int64 {
			t.Helper()
			id := shown(t, l, act)
			startBulk(t, l, id, false)
			return id
		})
	}
	all["last step of many"] = step(func(t *testing.T, l *ledger.Ledger) int64 {
		t.Helper()
		id := shown(t, l, ledger.ActClose)
		startBulk(t, l, id, false)
		stepBulk(t, l, id)
		return id
	})
	all["step of many, undo"] = step(func(t *testing.T, l *ledger.Ledger) int64 {
		t.Helper()
		id := shown(t, l, ledger.ActClose)
		runBulk(t, l, id, false)
		startBulk(t, l, id, true)
		return id
	})
	// A preview that breaks off binds nobody and is forgotten: nobody has its number.
	all["preview"] = func(t *testing.T, l *ledger.Ledger) func() error {
		t.Helper()
		shown(t, l, ledger.ActClose)
		ledger.BackDate(t, l, "bulks", "made_at", 25*time.Hour)
		return func() error {
			_, err := l.Preview(t.Context(), ledger.BulkOrder{Act: ledger.ActClose, Actor: wang})
			return err
		}
	}
	all["start of many"] = func(t *testing.T, l *ledger.Ledger) func() error {
		t.Helper()
		id := shown(t, l, ledger.ActClose)
		return func() error { return l.StartBulk(t.Context(), id, false, wang) }
	}
	all["start of many, undo"] = func(t *testing.T, l *ledger.Ledger) func() error {
		t.Helper()
		id := shown(t, l, ledger.ActClose)
		runBulk(t, l, id, false)
		return func() error { return l.StartBulk(t.Context(), id, true, wang) }
	}
}

// lookAsPeople asks everything that pages ask.
func lookAsPeople(t *testing.T, l *ledger.Ledger, bulk int64) error {
	t.Helper()
	ctx, k, page := t.Context(), parcel(1).Key(), ledger.Page{Size: 10}
	for _, ask := range []func() error{
		func() error { _, err := l.DeadLetters(ctx, ledger.DeadFilter{}, page); return err },
		func() error { _, err := l.CountDead(ctx, ledger.DeadFilter{}); return err },
		func() error {
			_, err := l.Shipments(ctx, ledger.ShipmentFilter{State: shipment.Dead}, page)
			return err
		},
		func() error { _, err := l.CountShipments(ctx, ledger.ShipmentFilter{}); return err },
		func() error { _, err := l.Find(ctx, "00", 10); return err },
		func() error { _, _, err := l.FindInside(ctx, "00", 0, 10, 10); return err },
		func() error { _, err := l.Standings(ctx, time.Time{}, "ship"); return err },
		func() error { _, err := l.Marks(ctx, partner, "ship", time.Time{}); return err },
		func() error { _, err := l.Hours(ctx, "", time.Time{}); return err },
		func() error { _, err := l.Batches(ctx, "", ledger.Batch{}, 10); return err },
		func() error { _, err := l.CountBatches(ctx, ""); return err },
		func() error { _, err := l.Audit(ctx, ledger.AuditFilter{}, 10); return err },
		func() error { _, err := l.LastQuestion(ctx, k); return err },
		func() error { _, err := l.Bulk(ctx, bulk); return err },
		func() error { _, err := l.BulkPartners(ctx, bulk, ""); return err },
		func() error { _, err := l.BulkSample(ctx, bulk, "", 10); return err },
		func() error { _, err := l.Workers(ctx); return err },
	} {
		if err := ask(); err != nil {
			return err
		}
	}
	return nil
}
