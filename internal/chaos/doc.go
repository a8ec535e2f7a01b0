// Package chaos tries to make the worker lose a shipment, ship one twice, or call too fast, and proves from
// the records that it did not.
//
//	schedule   which fault strikes what, when and for how long: all of it from one seed
//	world      real worker processes, a real Redis with an append-only file and a replica at hand, a real
//	           ledger (SQLite or PostgreSQL, on a small file system of its own), the simulated gateway, and
//	           a TCP fault proxy (toxiproxy) before Redis, PostgreSQL and the gateway
//	traffic    order systems that hand shipments over all the while, and a person who lifts holds
//	check      the laws, read from what the gateway saw, from the ledger and from Redis, once the faults have
//	           stopped
//
// The laws are those of docs/guarantees.md:
//
//	(a) no ship call for a trade that is shipped
//	(b) no two ship calls of an account closer together than the interval, none while another is in flight
//	(c) two minutes after the last fault every accepted shipment is shipped, dead or closed
//	(d) every ship call that the gateway saw is in the ledger, begun before it came
//	(e) asynq has given nothing up; after a final refusal that was recorded nothing is called, unless a person
//	    has sent it again
//	(f) the dead letters in the ledger and in the queue are the same
//	(g) states have only moved along the arrows
//
// Besides, no worker may panic, race, tell the key or end by itself, and no request may be a bad one. Queries are
// written down when they are over; those of a process that was killed are not, and are not looked for.
//
// What the guarantees except is not done here: requests are not held back on their way for longer than the
// call timeout, the ledger forgets nothing that it has committed, and nobody sets a clock.
//
// A seed replays its schedule. What the processes make of it depends on the machine's own timing as well.
package chaos
