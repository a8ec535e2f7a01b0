package ledger_test

import (
	"errors"
	"testing"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// Whatever statement of an operation fails: everything is as it was, the error says so, and the operation may be
// repeated. A commit that fails and has been done all the same may be repeated too.
func TestEveryStatementMayFail(t *testing.T) {
	for name, c := range operations() {
		t.Run(name, func(t *testing.T) {
			l, fuse := ledger.OpenFaulty(t)
			announce(t, l)
			do := c(t, l)
			const most = 100
			n := 1
			for ; n < most; n++ {
				before := ledger.Dump(t, l)
				fuse.Set(n, false)
				err := do()
				blown := fuse.Blown
				fuse.Set(0, false)
				if !blown {
					if err != nil {
						t.Fatalf("without a fault: %v", err)
					}
					break
				}
				if !errors.Is(err, ledger.ErrInjected) {
					t.Fatalf("statement %d failed and the operation says %v", n, err)
				}
				if after := ledger.Dump(t, l); after != before {
					t.Fatalf("statement %d failed, and it is no longer as it was:\n%s\n%s", n, before, after)
				}
			}
			if n == most || n == 1 {
				t.Errorf("%d statements", n)
			}
		})
		t.Run(name+", done and not said", func(t *testing.T) {
			l, fuse := ledger.OpenFaulty(t)
			announce(t, l)
			do := c(t, l)
			for n := 1; n < 100; n++ {
				before := ledger.Dump(t, l)
				fuse.Set(n, true)
				err := do()
				blown := fuse.Blown
				fuse.Set(0, false)
				if !blown {
					return
				}
				if err != nil && ledger.Dump(t, l) != before {
					if err := do(); err != nil && !ledger.Named(err) {
						t.Errorf("repeated after an unclear commit: %v", err)
					}
					return
				}
			}
		})
	}
}

// operations are all of the ledger's, each with what it needs prepared. What is returned may be repeated until
// it has succeeded once.
func operations() map[string]func(*testing.T, *ledger.Ledger) func() error {
	type op = func(*testing.T, *ledger.Ledger) func() error
	all := map[string]op{}
	row := func(f func(*testing.T, *ledger.Ledger, ledger.Row) error) op {
		return func(t *testing.T, l *ledger.Ledger) func() error {
			t.Helper()
			accept(t, l, parcel(1))
			r := get(t, l, parcel(1))
			return func() error { return f(t, l, r) }
		}
	}
	begun := func(fence time.Duration, f func(*testing.T, *ledger.Ledger, ledger.Row) error) op {
		return func(t *testing.T, l *ledger.Ledger) func() error {
			t.Helper()
			accept(t, l, parcel(1), parcel(2))
			r := begin(t, l, get(t, l, parcel(1)), fence)
			return func() error { return f(t, l, r) }
		}
	}
	finished := func(f ledger.Finish) func(*testing.T, *ledger.Ledger, ledger.Row) error {
		return func(t *testing.T, l *ledger.Ledger, r ledger.Row) error {
			t.Helper()
			_, err := l.Finish(t.Context(), r, f)
			return err
		}
	}
	late := func(f ledger.Finish) op {
		return func(t *testing.T, l *ledger.Ledger) func() error {
			t.Helper()
			accept(t, l, parcel(1))
			r := begin(t, l, get(t, l, parcel(1)), 0)
			if _, err := l.TakeOver(t.Context(), r, 0, "w2", false); err != nil {
				t.Fatal(err)
			}
			return func() error { return finished(f)(t, l, r) }
		}
	}
	dead := ledger.Move{To: shipment.Dead, Reason: shipment.ReasonTradeStatusNotAvailable, Code: "TRADE_STATUS_NOT_AVAILD", Bar: true}
	all["begin"] = row(func(t *testing.T, l *ledger.Ledger, r ledger.Row) error {
		t.Helper()
		_, err := l.Begin(t.Context(), r, attempt(time.Hour))
		return err
	})
	all["take over"] = begun(0, func(t *testing.T, l *ledger.Ledger, r ledger.Row) error {
		t.Helper()
		_, err := l.TakeOver(t.Context(), r, time.Second, "w", false)
		return err
	})
	all["finish, shipped"] = begun(time.Hour, finished(ledger.Finish{Move: shipped, Answered: true, Interval: time.Second}))
	all["finish, dead"] = begun(time.Hour, finished(ledger.Finish{Move: dead, Answered: true, Interval: time.Second}))
	all["finish, not sent"] = begun(time.Hour, finished(ledger.Finish{NotSent: true}))
	all["finish, held"] = begun(time.Hour, finished(ledger.Finish{
		Move: ledger.Move{To: shipment.Queued, HoldAccount: true, Code: "ILLEGAL_SIGN"}, Answered: true, Interval: time.Second,
	}))
	all["finish, no answer"] = begun(time.Hour, finished(ledger.Finish{Move: ledger.Move{To: shipment.Calling, Doubt: true}}))
	all["late, shipped"] = late(ledger.Finish{Move: shipped, Answered: true, Interval: time.Second})
	all["late, dead"] = late(ledger.Finish{Move: dead, Answered: true, Interval: time.Second})
	all["late, not sent"] = late(ledger.Finish{NotSent: true})
	all["late, held"] = late(ledger.Finish{Move: ledger.Move{To: shipment.Queued, HoldAccount: true, Code: "ILLEGAL_SIGN"}, Answered: true, Interval: time.Second})
	all["settle"] = row(func(t *testing.T, l *ledger.Ledger, r ledger.Row) error {
		t.Helper()
		_, err := l.Settle(t.Context(), r, ledger.Move{To: shipment.Dead, Reason: shipment.ReasonTradeNotExist, Code: "TRADE_NOT_EXIST"}, "w")
		return err
	})
	all["back in line"] = row(func(t *testing.T, l *ledger.Ledger, r ledger.Row) error {
		t.Helper()
		_, err := l.BackInLine(t.Context(), r, "w", "why")
		return err
	})
	all["feed again"] = row(func(t *testing.T, l *ledger.Ledger, r ledger.Row) error {
		t.Helper()
		return l.FeedAgain(t.Context(), []ledger.Lost{{Row: r, Orphaned: true}}, "w")
	})
	all["fed"] = row(func(t *testing.T, l *ledger.Ledger, r ledger.Row) error {
		t.Helper()
		return l.Fed(t.Context(), []ledger.Row{r})
	})
	all["evidence"] = func(t *testing.T, l *ledger.Ledger) func() error {
		t.Helper()
		accept(t, l, parcel(1))
		r := finish(t, l, begin(t, l, get(t, l, parcel(1)), time.Hour), ledger.Finish{Move: dead, Answered: true}).Row
		return func() error {
			rows, err := l.Unexamined(t.Context(), partner, "query", 0)
			if err == nil && len(rows) == 1 { // none when it has been done and not said
				_, err = l.Evidence(t.Context(), r, ledger.Finds{TradeStatus: "TRADE_CLOSED"}, "w")
			}
			return err
		}
	}
	all["claim evidence"] = func(t *testing.T, l *ledger.Ledger) func() error {
		t.Helper()
		accept(t, l, parcel(1))
		r := finish(t, l, begin(t, l, get(t, l, parcel(1)), time.Hour), ledger.Finish{Move: dead, Answered: true}).Row
		return func() error {
			_, err := l.ClaimEvidence(t.Context(), r, "w")
			return err
		}
	}
	addOrdinary(all)
	addPeoples(all)
	return all
}

// addOrdinary adds what people, order systems and the worker's loops do.
func addOrdinary(all map[string]func(*testing.T, *ledger.Ledger) func() error) {
	simple := func(f func(*testing.T, *ledger.Ledger) error) func(*testing.T, *ledger.Ledger) func() error {
		return func(t *testing.T, l *ledger.Ledger) func() error {
			t.Helper()
			accept(t, l, parcel(7))
			return func() error { return f(t, l) }
		}
	}
	taken := func(s shipment.Shipment) func(*testing.T, *ledger.Ledger) error {
		return func(t *testing.T, l *ledger.Ledger) error {
			t.Helper()
			_, err := l.Accept(t.Context(), []shipment.Shipment{s}, ledger.AcceptOptions{})
			return err
		}
	}
	urgent := parcel(7)
	urgent.Urgent = true
	all["accept"], all["accept, urgent now"] = simple(taken(parcel(8))), simple(taken(urgent))
	all["accept anew"] = func(t *testing.T, l *ledger.Ledger) func() error {
		t.Helper()
		accept(t, l, parcel(1))
		r, err := l.Settle(t.Context(), get(t, l, parcel(1)), ledger.Move{To: shipment.Dead, Reason: shipment.ReasonTradeNotExist}, "w")
		if err != nil {
			t.Fatal(err)
		}
		fed(t, l, r)
		if _, err := l.CloseCase(t.Context(), r, "why", "wang"); err != nil {
			t.Fatal(err)
		}
		return func() error { return taken(parcel(1))(t, l) }
	}
	all["accept dead"] = simple(func(t *testing.T, l *ledger.Ledger) error {
		t.Helper()
		return l.AcceptDead(t.Context(), parcel(9).Key(), []byte("x"), "w")
	})
	all["cancel"] = simple(func(t *testing.T, l *ledger.Ledger) error {
		t.Helper()
		_, err := l.CancelShown(t.Context(), ledger.Scope{Batch: "b1"}, 1, "w") // Cancel also looks at what it has left, afterwards
		return err
	})
	all["announce"] = simple(func(t *testing.T, l *ledger.Ledger) error {
		t.Helper()
		return l.Announce(t.Context(), []ledger.Account{{Partner: partner, Name: "new", Interval: time.Minute}})
	})
	all["hold"] = simple(func(t *testing.T, l *ledger.Ledger) error {
		t.Helper()
		_, err := l.SetHold(t.Context(), "2088999999999999", ledger.HoldManual, "why", "w")
		return err
	})
	all["release"] = func(t *testing.T, l *ledger.Ledger) func() error {
		t.Helper()
		if _, err := l.SetHold(t.Context(), partner, ledger.HoldManual, "why", "w"); err != nil {
			t.Fatal(err)
		}
		return func() error {
			_, err := l.Release(t.Context(), partner, "", "w")
			return err
		}
	}
	all["may not query"] = simple(func(t *testing.T, l *ledger.Ledger) error {
		t.Helper()
		_, err := l.MayNotQuery(t.Context(), partner, true)
		return err
	})
	all["use belt"] = simple(func(t *testing.T, l *ledger.Ledger) error {
		t.Helper()
		_, err := l.UseBelt(t.Context(), beltA)
		return err
	})
	all["use belt after an absence"] = func(t *testing.T, l *ledger.Ledger) func() error {
		t.Helper()
		use(t, l, beltA)
		if err := ledger.LastSeen(t.Context(), l, time.Hour); err != nil {
			t.Fatal(err)
		}
		return func() error {
			_, err := l.UseBelt(t.Context(), beltA)
			return err
		}
	}
	all["leave belt"] = func(t *testing.T, l *ledger.Ledger) func() error {
		t.Helper()
		use(t, l, beltA)
		return func() error { return l.LeaveBelt(t.Context(), beltA) }
	}
	all["record query, remark"] = simple(func(t *testing.T, l *ledger.Ledger) error {
		t.Helper()
		return l.RecordQuery(t.Context(), parcel(7).Key(), "query", "w", "{}", ledger.Answer{})
	})
	all["remark"] = simple(func(t *testing.T, l *ledger.Ledger) error {
		t.Helper()
		return l.Remark(t.Context(), parcel(7).Key(), "w", "a remark")
	})
	all["look"] = func(t *testing.T, l *ledger.Ledger) func() error {
		t.Helper()
		accept(t, l, parcel(7))
		begin(t, l, get(t, l, parcel(7)), 0)
		accept(t, l, parcel(8))
		return func() error { return look(t, l) }
	}
}
