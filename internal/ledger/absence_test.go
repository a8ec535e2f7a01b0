package ledger_test

import (
	"testing"
	"time"

	"fahuo/internal/ledger"
)

// earlier lets everything that has happened have happened so much earlier.
func earlier(t *testing.T, l *ledger.Ledger, by time.Duration) {
	t.Helper()
	if err := ledger.Earlier(t.Context(), l, by); err != nil {
		t.Fatal(err)
	}
}

// spent is what Account and Spent say of the first shipment's budget.
func spent(t *testing.T, l *ledger.Ledger) (written, reckoned time.Duration) {
	t.Helper()
	r := get(t, l, parcel(1))
	reckoned, err := l.Spent(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return account(t, l).Spent(r), reckoned
}

// tried is a ledger with a belt in use and a shipment whose first attempt is begun now.
func tried(t *testing.T) (l *ledger.Ledger, start time.Time) {
	t.Helper()
	l = book(t)
	start = time.Now()
	use(t, l, beltA)
	accept(t, l, parcel(1), parcel(2))
	openSlot(t, l, begin(t, l, get(t, l, parcel(1)), time.Hour))
	return l, start
}

// The ledger was away for five minutes, or nobody worked: that is nobody's retry budget, and it is not for a moment,
// whatever comes first afterwards.
func testAbsenceIsTakenOutOfTheBudget(t *testing.T) {
	none := func(*ledger.Ledger) {}
	for name, c := range map[string]struct {
		first func(*ledger.Ledger)
		belt  ledger.Belt
	}{
		"a worker says that it uses the belt": {none, beltA},
		"another belt":                        {none, beltB},
		"a call is begun":                     {func(l *ledger.Ledger) { openSlot(t, l, begin(t, l, get(t, l, parcel(2)), time.Hour)) }, beltA},
	} {
		t.Run(name, func(t *testing.T) {
			l, start := tried(t)
			earlier(t, l, 5*time.Minute)
			if _, before := spent(t, l); before > time.Since(start) {
				t.Errorf("%v are spent before anybody has come", before)
			}
			c.first(l)
			for range 2 { // once, however often it is said
				use(t, l, c.belt)
				after, reckoned := spent(t, l)
				if limit := time.Since(start); after > limit || after < 0 || reckoned > limit || reckoned < 0 {
					t.Errorf("%v and %v are spent afterwards, at most %v can be", after, reckoned, limit)
				}
			}
		})
	}
}

// A worker that says nothing for a while, because the ledger is slow, has not been away; nor has one that has begun
// calls all the while.
func testASlowLedgerIsNoAbsence(t *testing.T) {
	const slow = ledger.BeltLease / 2
	l, _ := tried(t)
	for range 6 {
		earlier(t, l, slow)
		use(t, l, beltA)
	}
	if after, reckoned := spent(t, l); after < 6*slow || reckoned < 6*slow {
		t.Errorf("%v and %v of %v are spent", after, reckoned, 6*slow)
	}
	l, _ = tried(t)
	for range 6 { // the feeder is stuck, the lane is not
		earlier(t, l, slow)
		openSlot(t, l, begin(t, l, get(t, l, parcel(2)), time.Hour))
	}
	use(t, l, beltA)
	if after, reckoned := spent(t, l); after < 6*slow || reckoned < 6*slow {
		t.Errorf("%v and %v of %v are spent with a lane at work", after, reckoned, 6*slow)
	}
}

// A hold that was set, or lifted, while no worker ran: each moment counts once.
func testAHoldWithinAnAbsenceIsCreditedOnce(t *testing.T) {
	hold := func(l *ledger.Ledger) {
		if _, err := l.SetHold(t.Context(), partner, ledger.HoldManual, "stocktaking", "op"); err != nil {
			t.Fatal(err)
		}
	}
	release := func(l *ledger.Ledger) {
		if _, err := l.Release(t.Context(), partner, "", "op"); err != nil {
			t.Fatal(err)
		}
	}
	for name, what := range map[string][3]func(*ledger.Ledger){
		"held before":                {hold, nil, nil},
		"held before, lifted within": {hold, release, nil},
		"held within":                {nil, hold, nil},
		"held and lifted within":     {nil, hold, release},
	} {
		t.Run(name, func(t *testing.T) {
			l, start := tried(t)
			for _, act := range what {
				if act != nil {
					act(l)
				}
				earlier(t, l, time.Minute)
			}
			for range 2 {
				use(t, l, beltA)
				if after, _ := spent(t, l); after > time.Since(start) || after < 0 {
					t.Errorf("%v are spent, at most %v can be", after, time.Since(start))
				}
			}
		})
	}
}

// While Redis is away, so that no worker says that it uses a belt, a notification ends the slowing of an account: the time
// of the pause counts once, and so does the absence before and after it.
func testASlowingThatEndsInAnAbsenceIsCreditedOnce(t *testing.T) {
	for name, held := range map[string]bool{"slowed": false, "slowed and on hold": true} {
		t.Run(name, func(t *testing.T) {
			l, start := tried(t)
			slow(t, l)
			if held {
				if _, err := l.SetHold(t.Context(), partner, ledger.HoldManual, "stocktaking", "op"); err != nil {
					t.Fatal(err)
				}
			}
			exact := func(when string) {
				t.Helper()
				if _, reckoned := spent(t, l); reckoned < 0 || reckoned > time.Since(start) {
					t.Errorf("%s %v are spent, at most %v can be", when, reckoned, time.Since(start))
				}
			}
			earlier(t, l, 5*time.Minute)
			exact("before anything comes")
			notified(t, l, notice(100, "n1", 4), becomes(ledger.Effect{Move: shipped}))
			if account(t, l).Slowed != nil {
				t.Fatal("it is still slowed")
			}
			exact("at full pace")
			earlier(t, l, time.Minute)
			exact("a minute later")
			if held {
				if _, err := l.Release(t.Context(), partner, "", "op"); err != nil {
					t.Fatal(err)
				}
				exact("released")
				earlier(t, l, time.Minute)
			}
			for range 2 {
				use(t, l, beltA)
				exact("when a worker is back")
				if after, _ := spent(t, l); after < 0 || after > time.Since(start) {
					t.Errorf("%v are spent afterwards, at most %v can be", after, time.Since(start))
				}
			}
		})
	}
}

// Releasing an account that nobody holds changes nothing, however often it is tried while no worker runs.
func testReleasingWhatIsNotHeldCreditsNothing(t *testing.T) {
	l, start := tried(t)
	earlier(t, l, 5*time.Minute)
	for range 3 {
		if released, err := l.Release(t.Context(), partner, "", "op"); err != nil || released {
			t.Fatal(released, err)
		}
		if _, reckoned := spent(t, l); reckoned < 0 {
			t.Errorf("%v are spent before anybody has come", reckoned)
		}
	}
	use(t, l, beltA)
	if after, _ := spent(t, l); after < 0 || after > time.Since(start) {
		t.Errorf("%v are spent afterwards, at most %v can be", after, time.Since(start))
	}
}
