// Package check walks, for the accounts of a configuration, the steps by which Alipay's interface is to be tested
// before it is used (T1), and looks at what the program stands on: ledger, Redis, disk, clock. What comes out is a
// Report: for each step passed, failed with what to do, or skipped with why.
//
// The steps of a report, in order; those of an account are there for each:
//
//	configuration                     everything that is wrong with it, together
//	files, clock_sync                 this host
//	redis, ledger, disk               belt and book
//	dns, connection, tls              the way to the gateway (S1, I1)
//	demo                              partner, key or host out of Alipay's examples (A3)
//	gateway, clock                    it answers a query, and what time it is there
//	partner, key, charset, origin     what Alipay can have against an account (A1)
//	answer                            its signature verifies (R1)
//	query_permission                  the account may query
//	hold                              nobody has stopped it
//	trade                             the trade's kind and status in words (U3, U5, U6)
//	ship_permission, shipment         the trade is shipped, once
//	confirmation                      it waits for the buyer's confirmation
//	notification                      Alipay has said so by itself
//
// # What a check does
//
// It makes one query for each account, two where a trade is shipped besides the worker's own; each is recorded as a
// worker's are (R3). It ships nothing unless it is told to, and then as a worker does: the shipment is accepted into
// the ledger, and the account's slot is taken there (worker.ShipOne). So a check beside running workers keeps the pace
// with them, and a second check of the same trade ships nothing.
//
// Whether an account may ship is not tried out by a call that is bound to fail: the trade has to exist (U3), and who
// calls for one that does not breaks that rule to see what happens. It is proved by the first shipment; until then the
// step is skipped.
//
// One fault makes one step fail. Those that need what it has broken are skipped and name it; all others are made.
package check
