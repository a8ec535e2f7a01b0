package worker

import (
	"context"

	"github.com/rs/zerolog"

	"fahuo/internal/ledger"
	"fahuo/internal/ratelimit"
)

// awaitRelease reads the account, and waits while it is on hold, or slowed and closed for long: a query that was made
// now would be too old by then. What is in doubt is queried all the same: that settles it, and may show that Alipay works.
func (l *lane) awaitRelease(ctx context.Context, row ledger.Row) (ledger.Account, error) {
	for held := false; ; {
		account, err := l.w.o.Book.Account(ctx, l.partner)
		if err != nil {
			return account, err
		}
		l.report(account)
		if held && account.Hold == nil {
			return account, errAgain // a release may have had it give way
		}
		held = account.Hold != nil
		wait := ratelimit.Slot{Held: true}.Wait(l.a().Interval)
		if account.Hold == nil {
			wait = min(wait, account.OpenAt.Sub(account.Now)-preflightTime(0, true))
			if account.Slowed == nil || row.Doubt || wait <= 0 {
				return account, nil
			}
		}
		if err := l.sleep(ctx, wait); err != nil {
			return account, err
		}
	}
}

// seen is what was last said of an account.
type seen struct{ held, slowed, strange bool }

// report says once that something began or ended that concerns the whole account.
func (l *lane) report(account ledger.Account) {
	now := seen{held: account.Hold != nil, slowed: account.Slowed != nil, strange: !account.StrangeSignAt.IsZero()}
	l.mu.Lock()
	before := l.seen
	l.seen = now
	l.mu.Unlock()
	if now.held != before.held {
		l.reportHold(account.Hold)
	}
	if now.slowed != before.slowed {
		l.reportPace(account.Slowed)
	}
	if now.strange && !before.strange {
		l.w.o.Log.Warn().Str("partner", l.partner).Msg("the signatures of Alipay's ship answers do not verify, those of its queries do: it signs them in a way " +
			"that is not known here. Nothing is lost: each is settled by a query. Tell whoever looks after this program")
	}
}

// holdLevel: what Alipay refused is an error, what a person set is not.
func holdLevel(h *ledger.Hold) zerolog.Level {
	if h.Code == ledger.HoldManual {
		return zerolog.WarnLevel
	}
	return zerolog.ErrorLevel
}

func (l *lane) reportHold(hold *ledger.Hold) {
	if hold == nil {
		l.w.o.Log.Info().Str("partner", l.partner).Msg("the account is released")
		l.emit(Event{Kind: EventReleased})
		return
	}
	l.w.o.Log.WithLevel(holdLevel(hold)).Str("partner", l.partner).Str("code", hold.Code).Str("reason", hold.Reason).
		Msg("the account is on hold: nothing is called for it until somebody releases it (worker release " + l.partner + ")")
	l.emit(Event{Kind: EventHeld, Code: hold.Code, Detail: hold.Reason})
}

func (l *lane) reportPace(slowed *ledger.Slowed) {
	if slowed == nil {
		l.w.o.Log.Info().Str("partner", l.partner).Msg("Alipay answers again: full pace")
		l.emit(Event{Kind: EventFullPace})
		return
	}
	l.w.o.Log.Error().Str("partner", l.partner).Str("code", slowed.Code).Time("since", slowed.Since).Dur("every_ms", l.w.probeEvery()).
		Msgf("%d calls in a row came to nothing: the account is called for rarely until Alipay answers again; no retry budget is spent meanwhile", ledger.TroublesInARow)
	l.emit(Event{Kind: EventSlowed, Code: slowed.Code})
}
