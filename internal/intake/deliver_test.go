package intake

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"fahuo/internal/ledger"
	"fahuo/internal/proctest"
	"fahuo/internal/shipment"
	"fahuo/internal/tasks"
)

func connect(t testing.TB, addr string) *tasks.Belt {
	t.Helper()
	belt, err := tasks.Connect("redis://"+addr, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := belt.Close(); err != nil {
			t.Error(err)
		}
	})
	return belt
}

// line is what waits in a queue, in the order in which it will be taken.
func line(t testing.TB, belt *tasks.Belt, l tasks.Line) []string {
	t.Helper()
	ids, err := belt.Redis().LRange(t.Context(), "asynq:{"+tasks.Queue(partner, l)+"}:pending", 0, -1).Result()
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(ids)
	return ids
}

// Rows that are handed over by two at once stand on the belt once each and in the order of acceptance,
// though both put them there at the same time.
func TestOrderOnTheBeltWithTwoFeeders(t *testing.T) {
	t.Parallel()
	const n = chunk + pageSize/2 // several transactions and several pages
	book, belt := openBook(t, partner), connect(t, proctest.Redis(t))
	path := file(t, many(n))
	var both sync.WaitGroup
	sums := make([]Summary, 2)
	for i := range sums {
		both.Go(func() {
			sums[i] = imported(t, book, path, Options{})
			if _, err := Deliver(t.Context(), book, belt); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	if a, b := sums[0], sums[1]; a.Accepted+b.Accepted != n || a.Already+b.Already != n || a.Refused() || b.Refused() {
		t.Errorf("got %+v and %+v", a, b)
	}
	ids := line(t, belt, tasks.Main)
	if len(ids) != n {
		t.Fatalf("%d tasks", len(ids))
	}
	for i, id := range ids {
		if want := (shipment.Key{Partner: partner, TradeNo: trade(i + 1)}).String(); id != want {
			t.Fatalf("number %d in line is %s, want %s", i, id, want)
		}
	}
	if rows, err := book.Unfed(t.Context(), shipment.Queued, 0, 1); err != nil || len(rows) > 0 {
		t.Errorf("left to be fed: %v, %v", rows, err)
	}
}

func TestUrgentGoesIntoItsOwnLine(t *testing.T) {
	t.Parallel()
	book, belt := openBook(t, partner), connect(t, proctest.Redis(t))
	imported(t, book, file(t, many(2)), Options{})
	imported(t, book, file(t, many(1)), Options{Urgent: true}) // raised after it was accepted
	if fed, err := Deliver(t.Context(), book, belt); err != nil || fed != 2 {
		t.Errorf("fed %d, %v", fed, err)
	}
	if urgent, rest := line(t, belt, tasks.Urgent), line(t, belt, tasks.Main); len(urgent) != 1 || len(rest) != 1 {
		t.Errorf("urgent %v, rest %v", urgent, rest)
	}
}

// A belt that was wiped is loaded again, by whoever comes first.
func TestWipedBelt(t *testing.T) {
	t.Parallel()
	book, belt := openBook(t, partner), connect(t, proctest.Redis(t))
	imported(t, book, file(t, many(3)), Options{})
	for range 2 {
		if fed, err := Deliver(t.Context(), book, belt); err != nil || fed != 3 {
			t.Errorf("fed %d, %v", fed, err)
		}
		if got := line(t, belt, tasks.Main); len(got) != 3 {
			t.Errorf("in line: %v", got)
		}
		if err := belt.Redis().FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestForeignAndAbsentRedis(t *testing.T) {
	t.Parallel()
	addr := proctest.Redis(t)
	first, second, belt := openBook(t, partner), openBook(t, partner), connect(t, addr)
	for _, book := range []*ledger.Ledger{first, second} {
		imported(t, book, file(t, many(1)), Options{})
	}
	if _, err := Deliver(t.Context(), first, belt); err != nil {
		t.Error(err)
	}
	if _, err := Deliver(t.Context(), second, belt); !errors.Is(err, tasks.ErrForeign) {
		t.Errorf("got %v", err)
	}
	away := connect(t, proctest.Deserted(t))
	if _, err := Deliver(t.Context(), second, away); err == nil || errors.Is(err, tasks.ErrForeign) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Deliver(ctx, first, belt); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// What is accepted goes onto the belt while the rest of the file is read, in order; that Redis is away shows afterwards.
func TestAlongside(t *testing.T) {
	t.Parallel()
	const n = 2*chunk + 10
	book, belt := openBook(t, partner), connect(t, proctest.Redis(t))
	more, stop := Alongside(t.Context(), book, belt)
	early := 0
	imported(t, book, file(t, many(n)), Options{Taken: func() { more(); early++ }})
	stop()
	ids := line(t, belt, tasks.Main)
	if len(ids) != n || early != 3 {
		t.Fatalf("%d tasks after %d transactions", len(ids), early)
	}
	for i, id := range ids {
		if want := (shipment.Key{Partner: partner, TradeNo: trade(i + 1)}).String(); id != want {
			t.Fatalf("number %d in line is %s, want %s", i, id, want)
		}
	}
	imported(t, book, file(t, many(n+1)), Options{DryRun: true, Taken: func() { t.Error("a dry run took rows") }})

	away := connect(t, proctest.Deserted(t))
	more, stop = Alongside(t.Context(), book, away)
	imported(t, book, file(t, many(n+1)), Options{Taken: more})
	stop()
	if _, err := Deliver(t.Context(), book, away); err == nil {
		t.Error("a Redis that is away was fed")
	}
}
