// Package ledger is the book: every shipment accepted, every call made, every verdict, every act of
// a person, and for each account the time before which nobody may call. Whatever this program
// decides, it decides from here; the queue in Redis only says what to look at next.
//
// # One shipment
//
//	Accept ─► queued ─ Begin ─► calling ─ Finish ─► shipped | dead | queued
//	             ▲                  │
//	             └──── TakeOver ────┘ once its fence has passed
//
//	Notified:  queued, calling ─► shipped      queued ─► dead
//	A person:  dead ─ SendAgain ─► queued          closed ─ SendAgain ─► queued
//	           dead ─ CloseCase, StartBulk ─► closed ─ StartBulk (undo) ─► dead
//	           dead ─ MarkShipped ─► shipped
//
// Begin takes the account's slot and marks the shipment as being called, both or neither; Finish
// records the answer, moves the shipment on and gives the slot back, all or nothing. So no crash can
// part a call from its record, and no two calls of an account can be under way at once: between
// Begin and the fence nobody else can begin. Every change is a compare-and-swap on the version that
// was read; "no row changed" is ErrStale.
//
// A token names one call, is the id of its row in calls, and is never used twice. A process that
// was stopped and comes back after its fence has lost its token: what it still learns is appended,
// may raise the account's opening time, may turn the row into shipped (a fact) or dead (a final
// refusal), may leave a code that nobody knows to the next query, and can do nothing else.
//
// # The belt
//
// feed = 1 marks a version of a row that the queue may not know of. Every change that needs the
// queue sets it in the same transaction; whoever has put the task there clears it, by version. Hence
// a person's act is one transaction here, and a lost Redis is loaded again from here.
//
// A ledger has one live belt, named in it with every worker that uses it and the time at which it last said so
// (UseBelt). A worker that stops takes its word back (LeaveBelt); that of one that was killed lapses.
//
// # Holds and pauses
//
// An account may be on hold (nobody calls for it until a person releases it), or slowed (calls came to nothing ten
// times in a row: its slot opens a probe's distance apart until Alipay answers properly). The time in which it is
// either, without a break, is paused time: paused_at says since when, held_us has what is over, and no retry budget
// counts it. Nor does one count the time in which no worker could reach the ledger (absence.go).
//
// # Events
//
// A transaction in which a shipment becomes shipped, dead or closed also writes an event, and a delivery of it to every
// endpoint that is announced for its account or its token: what is committed is told, and nothing else is. Events are
// pulled by numbers that are given after the commit; deliveries are claimed with a lease and sent at least once.
//
// # Two databases
//
// SQLite (one file, one writer) and PostgreSQL run the same queries; dialect.go holds what differs, and one
// conformance suite runs over both. SQLite's transactions take the write lock at their start. PostgreSQL's
// see one snapshot (REPEATABLE READ), and one that would overwrite what was committed since is rolled back
// and run again, as is the loser of a deadlock.
//
// # Time
//
// Times are microseconds on one clock: the host's for SQLite, read while the write lock is held;
// PostgreSQL's own, read as the transaction takes its snapshot.
//
// # Guarantees
//
// A method that returned nil has made its change durable (SQLite: WAL, synchronous=FULL; PostgreSQL:
// synchronous_commit=on unless the address says otherwise). A method that returned another error than
// ErrStale, ErrNotFound, ErrSlotClosed or ErrHeld may or may not have; all of them may be called again. All
// end within a minute, are safe for concurrent use, and by several processes on one database.
package ledger
