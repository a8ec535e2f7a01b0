// Package alipay is the protocol of Alipay's old gateway, as far as it is known: a request is a signed
// POST form, an answer a signed XML document, and what an answer means is decided by one table of codes
// and one of trade statuses.
//
//	ship     send_goods_confirm_by_platform: the goods of an escrow or cash-on-delivery trade have left
//	query    single_trade_query: where a trade stands
//
// A request's parameters are sorted by name and joined raw, name=value&name=value, without sign,
// sign_type and empty values; the bytes of that text in _input_charset are signed by MD5 with the key
// appended, or by RSA with SHA-1 (G1, G2, G6). An answer is signed over the children of its business
// node alone, values decoded once, in the charset that the answer declares: that is proven for queries
// by a genuine answer, and a guess by analogy for ship calls. So a success that does not verify is an
// Unknown outcome, never a success and never a failure; a query settles it. Failures are unsigned.
//
// What stands behind this, since Alipay cannot be asked: its own documents and demos for the form and the
// signing of requests, which published signatures confirm (testdata/vectors.json); traffic that others
// published for the layout of answers; one genuine answer of its sandbox for the signature of queries. Guesses
// are the signature of ship calls' answers, everything about cash on delivery in the documents of testdata,
// and whether gb2312 is decoded strictly. Where only a guess stands, reality's differing shows as Unknown or
// as a refusal to send.
//
// An answer's verdict is its Outcome:
//
//	Succeeded      verified, about our trade; a ship call's trade has a status that means shipped
//	Busy           call again, later (C2, U1)
//	OutOfStep      query once, then a person (C1)
//	ShipmentFault  this shipment cannot be sent as it is
//	AccountFault   nothing of this account can be sent (A1)
//	UnlistedCode   a refusal that no table knows
//	Unknown        whether the call took effect cannot be said; ask
//
// HTTP status is not part of the protocol, but a 5xx is some proxy's page. Whatever is not one whole
// document in Alipay's form is Unknown: total functions, no panics, at most 1 MiB read.
//
// A ship call goes over a connection of its own, made beforehand (Client.Connect), written in one write
// through a guard that refuses to write after the call's window (Conn.Ship). Nothing below retries,
// follows a redirect or reuses a connection, so one Ship is at most one request. Every query
// has a connection of its own as well, so a change of the gateway's address is followed (S1).
//
// A notification is a signed form that Alipay posts by itself (ParseNotification, C3). It is signed as requests
// are, over all it has.
//
// Keys are Secrets: they print as *** under every verb and in JSON (A2).
package alipay
