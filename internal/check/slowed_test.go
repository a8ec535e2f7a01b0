package check_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"fahuo/internal/alipay"
	"fahuo/internal/check"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// An account that is called for rarely is no fault of the set-up, and whoever checks learns why little is shipped.
func TestASlowedAccountIsNamed(t *testing.T) {
	s := set(t, nil)
	s.with(func(ctx context.Context, b *ledger.Ledger) error {
		parcel := shipment.Shipment{Partner: partner, TradeNo: waiting, LogisticsName: "顺丰速运", TransportType: shipment.TransportExpress}
		if err := b.Announce(ctx, []ledger.Account{{Partner: partner, Interval: interval}}); err != nil {
			return err
		}
		if _, err := b.Accept(ctx, []shipment.Shipment{parcel}, ledger.AcceptOptions{}); err != nil {
			return err
		}
		for range ledger.TroublesInARow {
			row, err := b.Get(ctx, parcel.Key())
			if err != nil {
				return err
			}
			row, err = b.Begin(ctx, row, ledger.Attempt{Service: alipay.ServiceShip, Worker: "w", Fence: time.Minute})
			if err != nil {
				return err
			}
			// Since: so long ago that the account is open again at once.
			_, err = b.Finish(ctx, row, ledger.Finish{
				Answered: true, Since: time.Hour, Interval: interval, Health: ledger.HealthTroubled, Move: ledger.Move{To: shipment.Queued, Code: "SYSTEM_ERROR"},
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	step := find(t, s.run(), check.Hold)
	if step.Status != check.Passed || len(step.Warnings) != 1 || !strings.Contains(step.Warnings[0], "SYSTEM_ERROR") {
		t.Errorf("%+v", step)
	}
}
