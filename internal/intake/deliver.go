package intake

import (
	"context"

	"fahuo/internal/ledger"
	"fahuo/internal/tasks"
)

// Deliver puts what the ledger has accepted on the belt, once it has made sure that the belt belongs to
// this ledger (tasks.ErrForeign if it does not) and that no worker uses another one (*ledger.OtherBeltError),
// and has claimed one that nobody has loaded yet. Any other
// error is harmless: workers do the same, all the time.
func Deliver(ctx context.Context, book *ledger.Ledger, belt *tasks.Belt) (fed int, err error) {
	if _, err := ClaimBelt(ctx, book, belt, "", ""); err != nil {
		return 0, err
	}
	return Feed(ctx, book, belt)
}

// Alongside delivers while an import goes on: more says that there is more, and never waits; stop waits for what is
// under way. When it fails it leaves the rest to whoever calls Deliver after the import, which has to be done in any
// case.
func Alongside(ctx context.Context, book *ledger.Ledger, belt *tasks.Belt) (more, stop func()) {
	signal, done := make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(done)
		failed := false
		for range signal {
			if !failed {
				_, err := Deliver(ctx, book, belt)
				failed = err != nil
			}
		}
	}()
	more = func() {
		select {
		case signal <- struct{}{}:
		default: // it will see this, too
		}
	}
	return more, func() { close(signal); <-done }
}
