package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"fahuo/internal/beijing"
	"fahuo/internal/intake"
	"fahuo/internal/ledger"
	"fahuo/internal/settings"
	"fahuo/internal/shipment"
)

type eventsCmd struct {
	List   eventsListCmd   `cmd:"" default:"withargs" help:"Show deliveries, the newest first. The default: enqueue events."`
	Replay eventsReplayCmd `cmd:"" help:"Send events again, under the same ids, for three days more."`
}

// deliveryScope narrows deliveries.
type deliveryScope struct {
	Failed   bool   `help:"Only what was given up."`
	Event    string `placeholder:"ID" help:"Only this event (evt_…)."`
	Endpoint string `placeholder:"KIND:OWNER/NAME" help:"Only to this webhook, for example account:2088…/erp."`
	After    string `placeholder:"TIME" help:"Only what happened at or after this: 2026-11-23, or 2026-11-23T08:00:00+08:00."`
	Partner  string `placeholder:"PARTNER" help:"Only about shipments of this account."`
	TradeNo  string `placeholder:"NUMBER" help:"Only about the shipment of this trade."`
}

func (s deliveryScope) check() []error {
	faults := checkPartnerFlag(s.Partner)
	if _, err := s.after(); err != nil {
		faults = append(faults, err)
	}
	return faults
}

// after reads a date, which is Beijing's, or a time.
func (s deliveryScope) after() (time.Time, error) {
	if s.After == "" {
		return time.Time{}, nil
	}
	if day, err := time.ParseInLocation(time.DateOnly, s.After, beijing.Zone); err == nil {
		return day, nil
	}
	t, err := time.Parse(time.RFC3339, s.After)
	if err != nil {
		return t, fmt.Errorf("--after %q is neither a date such as 2026-11-23 nor a time such as 2026-11-23T08:00:00+08:00", s.After)
	}
	return t, nil
}

// filter is the scope as the ledger has it.
func (s deliveryScope) filter(ctx context.Context, book *ledger.Ledger) (f ledger.DeliveryFilter, err error) {
	f.Event, f.Key = s.Event, shipment.Key{Partner: s.Partner, TradeNo: shipment.Unwrap(s.TradeNo)}
	if f.From, err = s.after(); err != nil {
		return f, err
	}
	if s.Failed {
		f.State = ledger.DeliveryFailed
	}
	if s.Endpoint == "" {
		return f, nil
	}
	all, err := book.Endpoints(ctx)
	if err != nil {
		return f, err
	}
	var names []string
	for _, e := range all {
		if e.String() == s.Endpoint {
			f.Endpoint = e.ID
			return f, nil
		}
		names = append(names, e.String())
	}
	if len(names) == 0 {
		return f, errors.New("--endpoint: no webhook has been announced yet; workers announce those of the accounts file when they start")
	}
	return f, fmt.Errorf("--endpoint: there is no webhook %q; there are %s", s.Endpoint, strings.Join(names, ", "))
}

type eventsListCmd struct {
	deliveryScope

	Limit int  `default:"100" help:"How many at most."`
	JSON  bool `name:"json" help:"Print JSON on standard output and nothing else there."`
}

// told is one event for one webhook. It is part of the contract with users.
type told struct {
	Event    string               `json:"event"`
	Type     ledger.EventType     `json:"type"`
	At       intake.Time          `json:"at"`
	Partner  string               `json:"partner"`
	TradeNo  string               `json:"trade_no"`
	Endpoint string               `json:"endpoint"`
	State    ledger.DeliveryState `json:"state"`
	Attempts int64                `json:"attempts"`
	Next     intake.Time          `json:"next_at"` // null unless it is pending
	Status   int                  `json:"status"`  // of the last answer; 0: none
	Error    string               `json:"error"`
}

// Run is `enqueue events list`.
func (c *eventsListCmd) Run(ctx context.Context, g *cli, s streams) error {
	faults := c.check()
	if c.Limit < 1 {
		faults = append(faults, errors.New("--limit must be above 0"))
	}
	return g.withLedger(ctx, s, ledger.OpenExisting, faults, func(book *ledger.Ledger) error {
		f, err := c.filter(ctx, book)
		if err != nil {
			return err
		}
		found, err := book.Deliveries(ctx, f, ledger.DeliveryCursor{}, c.Limit)
		if err != nil {
			return err
		}
		all := make([]told, len(found))
		for i, d := range found {
			all[i] = shownDelivery(d)
		}
		if c.JSON {
			return printJSON(s.out, map[string][]told{"deliveries": all})
		}
		p := &page{w: s.out}
		if len(all) == 0 {
			p.line("No such deliveries. Events are delivered to the webhooks of the accounts file and of API tokens; see docs/events.md")
		}
		for _, d := range all {
			p.line("%s  %s  %-16s  %s:%s  to %s: %s", d.At, d.Event, d.Type, d.Partner, d.TradeNo, d.Endpoint, d.words())
		}
		return p.err
	})
}

func shownDelivery(d ledger.Delivery) told {
	shown := told{
		Event: d.Event.ID, Type: d.Event.Type, At: intake.Time{Time: d.Event.At}, Partner: d.Event.Key.Partner, TradeNo: d.Event.Key.TradeNo,
		Endpoint: d.Endpoint.String(), State: d.State, Attempts: d.Attempts, Status: d.Status, Error: d.Error,
	}
	if d.State == ledger.DeliveryPending {
		shown.Next = intake.Time{Time: d.DueAt}
	}
	return shown
}

// words say how far it has come.
func (d told) words() string {
	text := fmt.Sprintf("%s after %d attempts", d.State, d.Attempts)
	if d.Attempts == 1 {
		text = fmt.Sprintf("%s after 1 attempt", d.State)
	}
	if d.Error != "" {
		text += " (" + d.Error + ")"
	}
	if d.State == ledger.DeliveryPending {
		text += fmt.Sprintf(", next at %s", d.Next)
	}
	return text
}

type eventsReplayCmd struct {
	deliveryScope

	All  bool `help:"Everything there is."`
	JSON bool `name:"json" help:"Print JSON on standard output and nothing else there."`
}

// Run is `enqueue events replay`.
func (c *eventsReplayCmd) Run(ctx context.Context, g *cli, s streams) error {
	faults := c.check()
	if narrowed := c.deliveryScope != (deliveryScope{}); narrowed == c.All {
		faults = append(faults, errors.New("say what to send again: --failed, --event, --endpoint, --after, --partner or --trade-no, together if need be; or --all, by itself"))
	}
	return g.withLedger(ctx, s, ledger.OpenExisting, faults, func(book *ledger.Ledger) error {
		f, err := c.filter(ctx, book)
		if err != nil {
			return err
		}
		n, err := book.Replay(ctx, f, settings.Person())
		if err != nil {
			return err
		}
		if c.JSON {
			return printJSON(s.out, map[string]int64{"replayed": n})
		}
		p := &page{w: s.out}
		p.line("%d to be sent again, by whichever process has the webhook's secret.", n)
		return p.err
	})
}
