package check

import (
	"context"
	"fmt"
	"time"

	"fahuo/internal/alipay"
	"fahuo/internal/beijing"
	"fahuo/internal/notify"
	"fahuo/internal/ratelimit"
	"fahuo/internal/shipment"
)

// notifyPoll is how often it is looked whether the notification is there.
const notifyPoll = time.Second

// notifications are those that a worker has received and recorded, unless there are others.
func (v *visit) notifications() Notifications {
	switch {
	case v.o.Notifications != nil:
		return v.o.Notifications
	case v.book != nil:
		return notify.Record{Book: v.book}
	}
	return nil
}

// notified waits for Alipay's own word about the shipment (T1).
func (v *visit) notified(ctx context.Context) {
	from := v.notifications()
	switch {
	case v.o.WaitNotify <= 0:
		v.skip(Notification, v.partner, "not waited for (--wait-notify)")
		return
	case from == nil:
		v.skip(Notification, v.partner, "there is no ledger to find it in")
		return
	case v.status(Shipment, v.partner) != Passed && alipay.StateOf(v.asked.TradeStatus) != alipay.AlreadyShipped:
		v.skip(Notification, v.partner, "the trade is not shipped")
		return
	}
	limit := time.Now().Add(v.o.WaitNotify)
	for {
		at, ok, err := from.Shipped(ctx, shipment.Key{Partner: v.partner, TradeNo: v.o.TradeNo})
		switch {
		case err != nil:
			v.fail(Notification, v.partner, oneLine(err), "look at the ledger")
			return
		case ok:
			v.pass(Notification, v.partner, "arrived "+at.In(beijing.Zone).Format("2006-01-02 15:04:05")+" and verifies")
			return
		case time.Until(limit) <= 0 || ratelimit.Sleep(ctx, min(notifyPoll, time.Until(limit))) != nil:
			v.fail(Notification, v.partner, fmt.Sprintf("none that verifies has come within %v", v.o.WaitNotify),
				"was the trade created with a notify_url, does that address lead to a worker's --notify-listen, and does the log name notifications that were refused?")
			return
		}
	}
}
