// Package notify receives what Alipay tells by itself: a form POST to the notify_url of a trade, each time that the
// trade's status changes, and again and again until it is answered with exactly "success".
//
// # One notification
//
//	POST /alipay/notify ─► whose? ─► signature ─► on record? ─ yes ─────────────────────────► success
//	                         │          │              │ no
//	                         ▼          ▼              ▼
//	                       400 fail   400 fail    notify_verify ─ true ─► recorded, decided ─► success
//	                                                   │                        │
//	                                                   ├─ false ─► 400 fail     └─ ledger away ─► 503 fail
//	                                                   └─ not known ─► 503 fail
//
// The address faces the Internet, and anybody can send anything: what is believed has been signed with the account's key
// in the configured way, and confirmed by Alipay when asked. Who only has an old notification, genuine once, gets
// nothing done: it is on record, or Alipay no longer stands by it.
//
// Success is said when the ledger has it durably. Whatever else is said, Alipay sends it again, for about a day.
//
// # What it does
//
// Decide says what a notification means for a shipment, as a pure function. Status only moves forward. A shipment whose
// outcome is in doubt is settled; one that somebody else has shipped, or whose trade is over, leaves the line before it
// wastes a slot. Nothing is called because of a notification, and only the status, the refund's and the numbers are
// kept: the buyer's data, which Alipay sends along, is verified and let go.
package notify
