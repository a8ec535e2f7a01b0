// Package desk is the web page where support staff see what happened and settle what the worker could not.
//
// It opens the ledger and nothing else: no Redis, no keys. Every act of a person is one transaction there, done when
// the page says done, and compared with the version that the page had shown: of two people on one case the second is
// told, and a double click does nothing twice. What Alipay is to be asked is written down in the ledger, and a
// worker answers it.
//
// # How a request is answered
//
//	headers ─► cross-origin check ─► session ─► role ─► handler(request) ─► page, redirect or error
//
// A handler returns an error, and one place (fail) turns errors into pages. Pages are html/template files, parsed
// once per language; every sentence stands in lang/zh and lang/en under the same
// key. Everything works
// without JavaScript; static/desk.js only makes it more pleasant. Every list keeps its filter in the URL.
//
// # One case
//
// A case (case.go) is the shipment, what it is and what is usually to be done (advice.go), and everything that has
// happened to it, calls and acts in one line of time (timeline.go, callevent.go). An act (caseact.go) names the version
// that the page had shown. When that is gone, either this very act by this very person has been done, and then it is a
// second click, or somebody else was first, and then the page says who (conflict.go).
//
// # Acts over many
//
//	list ─► order (reason, assignee) ─► preview, written down in the ledger ─► run, beside the requests ─► report
//
// A preview that takes long is made beside the request, too (bulkpreview.go). What a desk has begun and not ended, any
// desk can go on with: the ledger knows what is left.
//
// # Files
//
//	form ─► upload (receive.go), kept (uploads.go) ─► dry run ─► confirm ─► import ─► result (import.go, importpage.go)
//
// internal/intake reads them, behind an interface of the desk's own (importer.go). Rows go into the ledger; the worker
// takes them from there.
//
// # Who may do what
//
// A viewer sees everything; acts need an operator. The server decides, whatever the page offered. Users stand in a
// file (users.go), sessions in the ledger, and both may be taken away at any time.
package desk
