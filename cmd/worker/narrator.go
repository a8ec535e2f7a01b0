package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"sync"
	"time"

	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/beijing"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
	"fahuo/internal/tasks"
	"fahuo/internal/worker"
)

// narrator tells the sandbox's story, a plain line per event.
type narrator struct {
	out      io.Writer
	interval time.Duration
	next     string // what to try when the sample is settled

	mu   sync.Mutex
	left map[shipment.Key]bool // of the sample, not settled
}

func (n *narrator) say(format string, args ...any) {
	_, _ = fmt.Fprintf(n.out, format+"\n", args...) // a closed terminal is no reason to stop shipping
}

// sample reads the sample file.
func sample() ([]shipment.Shipment, error) {
	records, err := csv.NewReader(bytes.NewReader(sampleCSV)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("the sample: %w", err)
	}
	var rows []shipment.Shipment
	for _, r := range records[1:] {
		s := shipment.Shipment{
			Partner: sandboxPartner, TradeNo: r[0], LogisticsName: r[1], InvoiceNo: r[2], TransportType: r[3], OrderRef: r[4], Batch: sandboxBatch,
		}.Normalize()
		if err := s.Validate(); err != nil {
			return nil, fmt.Errorf("the sample: %w", err)
		}
		rows = append(rows, s)
	}
	return rows, nil
}

// begin sets the stage, hands the sample over and says what this is.
func (n *narrator) begin(ctx context.Context, book *ledger.Ledger, belt *tasks.Belt, gateway *alipaytest.Gateway) error {
	rows, err := sample()
	if err != nil {
		return err
	}
	if err := setStage(ctx, book, gateway, rows); err != nil {
		return err
	}
	answers, err := book.Accept(ctx, rows, ledger.AcceptOptions{Actor: "sandbox"})
	if err != nil {
		return err
	}
	if err := n.remember(ctx, book, rows); err != nil {
		return err
	}
	n.next = fmt.Sprintf(`
Try next, in another terminal (any trade number of 16 to 64 digits is known to the simulated gateway):
  printf 'trade_no,logistics_name,invoice_no\n2026112300001001000000009999,顺丰,SF123\n' > %[3]s/try.csv
  ./bin/enqueue file %[3]s/try.csv --ledger %[1]s --redis %[2]s
  ./bin/enqueue status --ledger %[1]s
  ./bin/worker accounts --ledger %[1]s
Start afresh: stop with Ctrl-C and remove the directory %[3]s.`, book.URL(), belt.URL(), sandboxDir)
	n.say("Fahuo sandbox: the gateway is simulated, nothing outside is called.")
	switch {
	case answers[0].Verdict == ledger.Accepted:
		n.say("%d sample shipments are queued; one is called every %v, and five of them meet trouble. Ctrl-C stops.\n", len(rows), n.interval)
	case len(n.left) > 0:
		n.say("Going on where it stopped: %d of %d sample shipments are not settled yet. Ctrl-C stops.\n", len(n.left), len(rows))
	default:
		n.say("All %d sample shipments are settled. Ctrl-C stops.%s", len(rows), n.next)
	}
	return nil
}

// desk says where the desk is and how to log in, or why there is none.
func (n *narrator) desk(d *sandboxDesk, why string) {
	switch {
	case d != nil:
		n.say("The desk, where people see all of it and settle what is left: %s\n  name %s, password %s\n", d.address, sandboxUser, d.password)
	case why != "":
		n.say("%s\n", why)
	}
}

// remember notes which of the sample are not settled.
func (n *narrator) remember(ctx context.Context, book *ledger.Ledger, rows []shipment.Shipment) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.left = make(map[shipment.Key]bool)
	for _, s := range rows {
		row, err := book.Get(ctx, s.Key())
		if err != nil {
			return err
		}
		if row.State == shipment.Queued || row.State == shipment.Calling {
			n.left[s.Key()] = true
		}
	}
	return nil
}

// event prints what a person who watches wants to know.
func (n *narrator) event(e worker.Event) {
	line := ""
	switch e.Kind {
	case worker.EventQueried:
		line = "query  " + either(e.Status, e.Code, "no answer")
	case worker.EventCalled:
		line = "SHIP   " + either(e.Status, e.Code, "no answer: "+e.Detail)
		if e.Gap > 0 {
			line += fmt.Sprintf("   %.3f s after the previous call", e.Gap.Seconds())
		}
	case worker.EventMoved:
		line = n.moved(e)
	case worker.EventHeld:
		line = "HOLD   " + e.Code + ": " + e.Detail
	case worker.EventReleased:
		line = "released"
	case worker.EventSlowed:
		line = "SLOW   Alipay is out of order (" + either(e.Code, "no answer") + "): called for rarely until it answers again"
	case worker.EventFullPace:
		line = "full pace again"
	case worker.EventWaiting:
		n.say("%s  waiting: this ledger was %s", e.At.In(beijing.Zone).Format("15:04:05"), e.Detail)
		return
	}
	n.say("%s  %s  %s", e.At.In(beijing.Zone).Format("15:04:05"), either(e.Shipment.TradeNo, e.Account), line)
	n.settled(e)
}

func (n *narrator) moved(e worker.Event) string {
	switch e.State {
	case shipment.Shipped:
		return "  └─ shipped: " + e.Detail
	case shipment.Dead:
		return fmt.Sprintf("  └─ dead letter, for a person: %s (%s)", e.Reason, e.Detail)
	case shipment.Queued:
		return "  └─ back in line: " + e.Detail
	case shipment.Calling, shipment.Closed:
	}
	return "  └─ " + string(e.State)
}

// settled says what to try next when the last of the sample is settled.
func (n *narrator) settled(e worker.Event) {
	if e.Kind != worker.EventMoved || (e.State != shipment.Shipped && e.State != shipment.Dead) {
		return
	}
	n.mu.Lock()
	before := len(n.left)
	delete(n.left, e.Shipment.Key())
	after := len(n.left)
	n.mu.Unlock()
	if before > 0 && after == 0 {
		n.say("\nThe sample is settled. What needs a person is in the ledger and in the queue dead-letter.%s\n", n.next)
	}
}

func either(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return "-"
}
