package notify

import (
	"context"
	"time"

	"fahuo/internal/alipay"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// Notices reads what was notified. See ledger.Notices.
type Notices interface {
	Notices(ctx context.Context, k shipment.Key) ([]ledger.Notice, error)
}

// Record answers, out of the ledger, what Alipay has told by itself.
type Record struct{ Book Notices }

// Shipped tells when it was recorded that a trade has been shipped; ok is false as long as no verified notification
// says so. It may be asked again and again.
func (r Record) Shipped(ctx context.Context, k shipment.Key) (at time.Time, ok bool, err error) {
	notices, err := r.Book.Notices(ctx, k)
	for _, n := range notices {
		if alipay.StateOf(n.TradeStatus) == alipay.AlreadyShipped {
			return n.RecordedAt, true, nil
		}
	}
	return time.Time{}, false, err
}
