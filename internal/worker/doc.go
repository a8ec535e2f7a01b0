// Package worker ships: it takes shipments off the belt, asks Alipay whether they may be shipped,
// waits for the account's slot, calls, records the answer, and gives what it cannot settle to people.
//
// # One shipment
//
// Every account has a lane: its three queues, one asynq server of concurrency 1, one task in hand. What
// happens to it, by the names that the code uses:
//
//	read       the ledger's row. Final, dead or in somebody's hands: drop the task. Not due: back in
//	           line. Called by somebody whose fence has passed: take over, then read again.
//	query      single_trade_query, while the slot has to be waited for anyway. It may settle the
//	           shipment; what waits to be shipped goes on, for as long as the row's version stands
//	           and the answer is fresh.
//	connect    one connection, dialled and shaken hands with beforehand; then wait for the slot.
//	begin      one transaction: take the slot, mark the row calling, write the attempt; or none of it.
//	write      the request, unless the write window has passed since before begin: then it was not sent.
//	answered   or not, at most the call timeout later.
//	finish     one transaction: the answer, the row's next state, the slot opens one interval after
//	           the first byte of the answer. Without an answer nothing opens before the fence.
//	put in line, or into the dead-letter queue, what finish has marked; then the task may go.
//
// Step (step.go) has them all, with those in between, and what is so when the process dies there.
//
// # Why it cannot ship twice
//
// A call is begun only on a row that is queued at the version that was read, so of any number of
// copies of a task one begins. A row whose call was not finished is closed to everybody until the
// fence, after which its request can no longer be written (the guard) and its answer is no longer
// waited for; then it is taken over under a new version, and queried before anything else. Who was
// stopped past his fence finds his token gone and the write window closed.
//
// # Why nothing is lost
//
// The ledger marks every row that the belt may not know of; the feeder puts it there. Rescue takes
// over calls past their fence and brings back what only a dead process has in hand; reload compares
// both books every minute. All of it may run in any number of processes at once.
//
// # When nothing should be called
//
// An account on hold is not called for; one that is slowed, since Alipay is out of order for it, once in a while
// (pause.go, and the ledger's gateway.go). Neither time counts against a retry budget. Accounts come, go and change
// while the others work (reconfigure.go): what is different about one counts from its next call on.
//
// ShipOne takes one shipment through the same steps without a belt, for checks.
//
// Decisions (decide.go) are pure functions. Nothing here counts waiting as failing.
package worker
