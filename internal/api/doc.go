// Package api is the HTTP API by which order systems hand shipments over and learn what became of them.
//
// It opens the ledger alone. What a request hands over is answered when the ledger has it durably; the belt is for
// others to load, so a Redis that is away refuses nobody.
//
// # How a request is answered
//
//	id, log ─► connection and size limits ─► token ─► rate ─► body ─► handler ─► JSON, or a problem (RFC 9457)
//
// The documents at /openapi.json (3.1) and /openapi-3.0.json are made from the same types that the handlers use, and a
// test holds every answer against them. A handler returns an error, and one place (problem.go) turns errors into
// answers.
//
// # Handing over
//
// A body is one shipment or a list of them (input.go). Each is checked by itself: one that is wrong never stops the
// others. Those that are right go to the acceptor (acceptor.go), which puts what waits at the same moment into
// one transaction of the ledger, so that many small requests cost about as much as one large one.
//
// Handing the same over again is harmless: the ledger knows what it has, and answers "already". That is what a
// client does whose connection broke before the answer.
//
// # Whose
//
// A token (package tokens) names the accounts that it may ship for. It sees their shipments, the rows of batches that
// are theirs, and their events, and nothing else is there for it.
package api
