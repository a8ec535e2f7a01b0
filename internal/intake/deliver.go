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
