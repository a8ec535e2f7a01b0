package ledger_test

import (
	"errors"
	"testing"
	"time"

	"fahuo/internal/ledger"
)

var (
	beltA = ledger.Belt{ID: "a", Name: "redis://a", Worker: "w1"}
	beltB = ledger.Belt{ID: "b", Name: "redis://b", Worker: "w2"}
)

func use(t *testing.T, l *ledger.Ledger, b ledger.Belt) (loaded bool) {
	t.Helper()
	loaded, err := l.UseBelt(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

func refused(t *testing.T, l *ledger.Ledger, b ledger.Belt) (live ledger.Belt) {
	t.Helper()
	_, err := l.UseBelt(t.Context(), b)
	var other *ledger.OtherBeltError
	if !errors.As(err, &other) {
		t.Fatalf("%+v is not refused: %v", b, err)
	}
	return other.Other
}

func testABeltThatIsNewIsLoaded(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1))
	fed(t, l, unfed(t, l)...)
	if !use(t, l, beltA) || len(unfed(t, l)) != 1 {
		t.Error("a new belt is not loaded")
	}
	fed(t, l, unfed(t, l)...)
	if use(t, l, beltA) || len(unfed(t, l)) != 0 {
		t.Error("loaded twice")
	}
	wiped := beltA
	wiped.ID = "a2"
	if !use(t, l, wiped) || len(unfed(t, l)) != 1 {
		t.Error("the same Redis, wiped, is not loaded")
	}
}

func testOneLiveBelt(t *testing.T) {
	l := book(t)
	use(t, l, beltA)
	if other := refused(t, l, beltB); other.Name != beltA.Name || other.Worker != "w1" || other.Seen.IsZero() {
		t.Errorf("%+v", other)
	}
	system := beltB
	system.Worker = "" // an order system's is refused as well
	refused(t, l, system)
	system = beltA
	system.Worker = ""
	use(t, l, system) // and may use the live one
	refused(t, l, beltB)
	// One Redis known by two names, wiped: the worker that has just used it may go on.
	alias := ledger.Belt{ID: "a2", Name: "redis://alias", Worker: "w2", Was: "a"}
	if !use(t, l, alias) {
		t.Error("not loaded again")
	}
}

func testABeltThatNoWorkerUsesIsReplaced(t *testing.T) {
	l := book(t)
	loaded := ledger.Belt{ID: "a", Name: "redis://a"} // by an order system, and no worker has come yet
	use(t, l, loaded)
	if !use(t, l, beltB) {
		t.Error("the worker's own belt is not loaded")
	}
	refused(t, l, beltA)
}

func leave(t *testing.T, l *ledger.Ledger, b ledger.Belt) {
	t.Helper()
	if err := l.LeaveBelt(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

// A worker that stops gives the belt back: the next one need not wait until its word lapses.
func testABeltThatIsLeftMayBeReplacedAtOnce(t *testing.T) {
	l := book(t)
	use(t, l, beltA)
	refused(t, l, beltB)
	leave(t, l, beltA)
	leave(t, l, beltA) // it may be repeated
	if !use(t, l, beltB) {
		t.Error("not loaded")
	}
	leave(t, l, beltA) // too late: it is not the belt any more
	refused(t, l, beltA)
	// Back on the same one: that is said at once, however short ago it was left.
	leave(t, l, beltB)
	use(t, l, beltB)
	refused(t, l, beltA)
}

// What one worker takes back is its own word: the belt stays live for every other one, without a gap, whoever
// of them was noted last.
func testABeltThatOthersUseStaysLive(t *testing.T) {
	l := book(t)
	second, third := beltA, beltA
	second.Worker, third.Worker = "w1b", "w1c"
	for _, b := range []ledger.Belt{beltA, second, third} {
		use(t, l, b)
	}
	leave(t, l, beltA)
	if live := refused(t, l, beltB); live.Worker == beltA.Worker {
		t.Errorf("it is live by the word of one that has left: %+v", live)
	}
	leave(t, l, third)
	if live := refused(t, l, beltB); live.Worker != second.Worker {
		t.Errorf("%+v", live)
	}
	stranger := second
	stranger.Worker = "w9" // has never said anything
	leave(t, l, stranger)
	refused(t, l, beltB)
	leave(t, l, second)
	use(t, l, beltB)
}

// The word of one that was killed lapses; what was written before every worker was noted counts as one.
func testABeltOfTheKilledLapses(t *testing.T) {
	l := book(t)
	use(t, l, beltA)
	if err := ledger.NoteOneWorker(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	refused(t, l, beltB)
	if err := ledger.LastSeen(t.Context(), l, ledger.BeltLease/2); err != nil {
		t.Fatal(err)
	}
	var other *ledger.OtherBeltError
	_, err := l.UseBelt(t.Context(), beltB)
	if !errors.As(err, &other) || other.Ago < ledger.BeltLease/2 || other.Ago > ledger.BeltLease {
		t.Errorf("%v", err)
	}
	if err := ledger.LastSeen(t.Context(), l, ledger.BeltLease); err != nil {
		t.Fatal(err)
	}
	use(t, l, beltB)
}

// Renewing is for whoever's belt it is; it brings no other one in, however long the live one has been silent.
func testABeltIsRenewedByWhoseItIs(t *testing.T) {
	l := book(t)
	renew := func(b ledger.Belt) {
		t.Helper()
		if err := l.RenewBelt(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	renew(beltA) // there is none yet
	use(t, l, beltA)
	if err := ledger.LastSeen(t.Context(), l, ledger.BeltLease); err != nil {
		t.Fatal(err)
	}
	renew(beltB)
	renew(beltA)
	refused(t, l, beltB)
}

// The time without any worker is nobody's retry budget, from the moment at which the last one left.
func testAbsenceCountsFromLeaving(t *testing.T) {
	l, start := tried(t)
	leave(t, l, beltA)
	earlier(t, l, 5*time.Minute)
	use(t, l, beltB)
	if after, reckoned := spent(t, l); after > time.Since(start) || reckoned > time.Since(start) {
		t.Errorf("%v and %v are spent, of which at most %v can be", after, reckoned, time.Since(start))
	}
}
