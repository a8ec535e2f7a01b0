package worker

import (
	"context"

	"github.com/rs/zerolog"

	"fahuo/internal/ledger"
	"fahuo/internal/ratelimit"
)

// awaitRelease reads the account, and waits while it is on hold.
func (l *lane) awaitRelease(ctx context.Context) (ledger.Account, error) {
	for {
		account, err := l.w.o.Book.Account(ctx, l.partner)
		if err != nil {
			return account, err
		}
		l.reportHold(account)
		if account.Hold == nil {
			return account, nil
		}
		if err := l.sleep(ctx, ratelimit.Slot{Held: true}.Wait(l.a.Interval)); err != nil {
			return account, err
		}
	}
}

// holdLevel: what Alipay refused is an error, what a person set is not.
func holdLevel(h *ledger.Hold) zerolog.Level {
	if h.Code == ledger.HoldManual {
		return zerolog.WarnLevel
	}
	return zerolog.ErrorLevel
}

// reportHold says once that a hold began or ended.
func (l *lane) reportHold(account ledger.Account) {
	l.mu.Lock()
	news := l.heldSeen != (account.Hold != nil)
	l.heldSeen = account.Hold != nil
	l.mu.Unlock()
	switch {
	case !news:
	case account.Hold != nil:
		l.w.o.Log.WithLevel(holdLevel(account.Hold)).Str("partner", l.partner).Str("code", account.Hold.Code).Str("reason", account.Hold.Reason).
			Msg("the account is on hold: nothing is called for it until somebody releases it (worker release " + l.partner + ")")
		l.emit(Event{Kind: EventHeld, Code: account.Hold.Code, Detail: account.Hold.Reason})
	default:
		l.w.o.Log.Info().Str("partner", l.partner).Msg("the account is released")
		l.emit(Event{Kind: EventReleased})
	}
}
