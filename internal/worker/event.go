package worker

import (
	"time"

	"fahuo/internal/shipment"
)

// EventKind says what an event tells.
type EventKind int

// The kinds of event.
const (
	EventQueried EventKind = iota + 1 // a query was answered, or was not
	EventCalled                       // a ship call was answered, or was not
	EventMoved                        // a shipment has changed its state
	EventHeld                         // the account was put on hold
	EventReleased
	EventSlowed   // Alipay is out of order: the account is called for rarely
	EventFullPace // as usual again
	EventWaiting  // another worker may still use the ledger, with another Redis; of no account
)

// Event is something that a person who watches may want to see.
type Event struct {
	At       time.Time
	Kind     EventKind
	Account  string // its name, or its partner
	Shipment shipment.Shipment
	State    shipment.State  // EventMoved: the new one
	Reason   shipment.Reason // EventMoved to dead
	Code     string
	Status   string        // trade status
	Gap      time.Duration // EventCalled: since this process's last ship call of the account; 0: none
	Detail   string
}

func (l *lane) emit(e Event) {
	if l.w.o.OnEvent == nil {
		return
	}
	e.At, e.Account = time.Now(), l.name()
	l.w.o.OnEvent(e)
}
