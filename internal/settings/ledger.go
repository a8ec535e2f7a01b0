package settings

import (
	"context"
	"errors"
	"time"

	"github.com/rs/zerolog"

	"fahuo/internal/ledger"
)

// OpenLedger opens the ledger, and waits for one that is away; nil when it was told to stop meanwhile. What no waiting
// mends is a usage error.
func OpenLedger(ctx context.Context, url string, log zerolog.Logger) (*ledger.Ledger, error) {
	if err := ledger.Check(url); err != nil {
		return nil, Usage(err)
	}
	for wait := 200 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		book, err := ledger.Open(ctx, url)
		if err == nil {
			return book, nil
		}
		if ctx.Err() != nil {
			return nil, nil
		}
		if errors.Is(err, ledger.ErrNoLedger) {
			return nil, Usage(err)
		}
		log.Warn().Err(err).Dur("again_in", wait).Msg("the ledger cannot be opened yet; waiting")
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
}
