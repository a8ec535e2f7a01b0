package worker_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
	"fahuo/internal/tasks"
	"fahuo/internal/worker"
)

// A task that was put into the queue directly is taken into the ledger; the ledger's details are shipped.
func TestTasksPutDirectly(t *testing.T) {
	t.Parallel()
	s := set(t, 20*time.Millisecond, func(o *worker.Options) { o.WithoutFeeder = true })
	s.must(s.belt.Put(t.Context(), tasks.Item{Shipment: parcel(0), Line: tasks.Main}))
	s.accept(parcel(1))
	other := parcel(1)
	other.InvoiceNo = "OTHER"
	s.must(s.belt.Put(t.Context(), tasks.Item{Shipment: other, Line: tasks.Main}))
	broken := parcel(2)
	broken.LogisticsName = ""
	s.must(s.belt.Put(t.Context(), tasks.Item{Shipment: broken, Line: tasks.Main}))
	s.start()
	s.until("settled", func() bool { return s.counts()[shipment.Shipped] == 2 })
	for _, a := range s.gateway.Arrivals() {
		if a.Ship() && a.TradeNo == other.TradeNo && a.Params["invoice_no"] != "SF1" {
			t.Errorf("shipped %v", a.Params)
		}
	}
	lines, err := s.book.History(t.Context(), other.Key())
	if err != nil || !strings.Contains(fmt.Sprint(lines), "OTHER") {
		t.Errorf("the difference is not in the history: %v %v", lines, err)
	}
	s.until("the broken one dead", func() bool { return s.counts()[shipment.Dead] == 1 })
	letters, err := s.book.Dead(t.Context(), ledger.Scope{}, 10)
	if err != nil || len(letters) != 1 || letters[0].Reason != shipment.ReasonBadPayload {
		t.Errorf("%+v %v", letters, err)
	}
	// What was wrong with the task is not held against the shipment.
	s.accept(parcel(2))
	s.feed()
	s.until("shipped after all", s.is(parcel(2), shipment.Shipped))
	s.lawful()
}

// A stop in the middle: what is under way is recorded, what is in hand comes back first.
func TestStopHandsBack(t *testing.T) {
	t.Parallel()
	s := set(t, 100*time.Millisecond)
	s.accept(parcels(20)...)
	stop := s.start()
	s.until("three called", func() bool { return len(s.called()) >= 3 })
	stop()
	c := s.counts()
	if c[shipment.Calling] != 0 || c[shipment.Shipped]+c[shipment.Queued] != 20 {
		t.Fatalf("%v", c)
	}
	n := len(s.called())
	if int64(n) != c[shipment.Shipped] {
		t.Errorf("%d called, %d shipped", n, c[shipment.Shipped])
	}
	s.start()
	s.until("all shipped", func() bool { return s.counts()[shipment.Shipped] == 20 })
	if !slices.IsSorted(s.called()) {
		t.Errorf("the order was lost: %v", s.called())
	}
	s.lawful()
}

func TestCancelledWhileInHand(t *testing.T) {
	t.Parallel()
	s := set(t, 20*time.Millisecond)
	var once sync.Once
	s.options.OnStep = func(_ string, step worker.Step) {
		if step == worker.StepConnect {
			once.Do(func() {
				_, _, err := s.book.Cancel(t.Context(), ledger.Scope{TradeNo: parcel(0).TradeNo}, "clerk")
				if err != nil {
					t.Error(err)
				}
			})
		}
	}
	s.accept(parcels(2)...)
	s.start()
	s.until("the other shipped", s.is(parcel(1), shipment.Shipped))
	if s.row(parcel(0)).State != shipment.Closed || s.gateway.ShipCalls(parcel(0).TradeNo) != 0 {
		t.Error("a cancelled shipment was called")
	}
	s.lawful()
}

func TestAStrangeTaskIsADeadLetterOnce(t *testing.T) {
	t.Parallel()
	s := set(t, 20*time.Millisecond)
	client := asynq.NewClientFromRedisClient(s.belt.Redis())
	_, err := client.EnqueueContext(t.Context(), asynq.NewTask("other:type", []byte("\x00\xff no shipment")),
		asynq.TaskID("order#9:x"), asynq.Queue(tasks.Queue(partner, tasks.Main)))
	s.must(err)
	s.start()
	s.until("dead", func() bool { return s.counts()[shipment.Dead] == 1 })
	rows, err := s.book.Dead(t.Context(), ledger.Scope{}, 10)
	s.must(err)
	if len(rows) != 1 || rows[0].Reason != shipment.ReasonBadPayload || strings.ContainsAny(rows[0].TradeNo, "#:") {
		t.Fatalf("%+v", rows)
	}
	s.until("in its queue", func() bool {
		there, err := s.belt.Dead(t.Context())
		return err == nil && there[rows[0].Key()] == tasks.Present
	})
	s.lawful()
}
