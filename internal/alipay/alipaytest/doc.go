// Package alipaytest is a simulated gateway. It is not Alipay: it knows no money, no goods and no people,
// and what it does is what internal/alipay's documentation knows of the real one, guesses included. It
// says so at GET / and in a header of every answer.
//
// It is a real HTTP server, so that the client under test is the production client. It checks every
// request against the rules, as Alipay would or more strictly (signature, charset, the form of the URL,
// duplicate, empty, unknown, missing and malformed parameters), keeps a state for every trade, signs its
// answers, and misbehaves on demand.
//
// # Faults
//
// A Fault has two faces: Before, the trade was not shipped, and After, it was shipped and the caller does
// not learn of it. A client cannot tell them apart from the answer; it has to ask. A fault is met only by
// a request that passed all checks of the gateway, so a bad request never uses one up.
//
//	gateway, err := alipaytest.Start(alipaytest.Options{Accounts: accounts, Interval: time.Second})
//	defer gateway.Close()
//	gateway.PutTrade(alipaytest.Trade{Partner: partner, No: no})
//	gateway.Inject(alipaytest.Fault{TradeNo: no, Kind: alipaytest.SystemError, When: alipaytest.After})
//
// # Laws
//
// The gateway sees what a client really did, whatever processes it consists of, and therefore reports
// broken laws itself (Breaches): calls closer together than the interval, two in flight, a call for a
// trade that is shipped, a call after TRADE_STATUS_NOT_AVAILD, a bad request. A test of a fleet of
// workers ends with a look at Breaches, no matter what it killed on the way.
//
// # Notifications
//
// Notify signs a notification as Alipay would post it, in any charset, and confirms it from then on when it is asked
// (notify_verify); SetConfirmation lets it answer anything else.
//
// # Order of events
//
// An arrival is stamped before anything of the request's body is read, and recorded as answered before
// the first byte that lets the caller know the answer leaves: who has an answer sees its record. Tests
// wait with Wait or Changed and never sleep. Everything is kept in memory for as long as the gateway lives.
package alipaytest
