package ledger_test

import (
	"errors"
	"testing"

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
