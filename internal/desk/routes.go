package desk

import (
	"net/http"
)

// maxBody is the largest form that is read; only a file may be larger (receive.go).
const maxBody = 1 << 20

// routes is every address of the desk, with the role that it takes.
func (d *Desk) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /static/", staticFiles())
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		if err := d.o.Book.Ping(r.Context()); err != nil {
			http.Error(w, "the ledger does not answer", http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ok\n")) // nobody is left to tell
	})
	for _, r := range table() {
		mux.Handle(r.pattern, d.handle(r))
	}
	return d.protect(mux)
}

// route is an address of the desk.
type route struct {
	pattern string
	role    Role
	handle  func(*request) error
}

// most is how much of a request's body is read.
func (r route) most() int64 {
	if r.pattern == uploadRoute {
		return maxSent
	}
	return maxBody
}

// table is every address of the desk but the static files, with the role that it takes.
func table() []route {
	return []route{
		{"GET /login", anybody, (*request).loginPage},
		{"POST /login", anybody, (*request).login},
		{"POST /logout", Viewer, (*request).logout},
		{"POST /language", anybody, (*request).chooseLanguage},

		{"GET /{$}", Viewer, (*request).overviewPage},
		{"GET /dead", Viewer, (*request).deadLetters},
		{"GET /dead/{partner}/{trade_no}", Viewer, (*request).caseView},
		{"GET /shipments/{partner}/{trade_no}", Viewer, (*request).caseView},
		{"POST /dead/{partner}/{trade_no}/{act}", Operator, (*request).caseAct},

		{"POST /dead/bulk", Operator, (*request).bulkOrder},
		{"GET /bulk/preparing/{token}", Viewer, (*request).preparingPage},
		{"GET /bulk/{id}", Viewer, (*request).bulkPage},
		{"POST /bulk/{id}/run", Operator, (*request).runBulk},
		{"POST /bulk/{id}/undo", Operator, (*request).undoBulk},

		{"GET /shipments", Viewer, (*request).shipments},
		{"GET /batches", Viewer, (*request).batches},
		{"GET /cancel", Operator, (*request).cancelPage},
		{"POST /cancel", Operator, (*request).cancel},
		{"GET /import", Operator, (*request).importPage},
		{uploadRoute, Operator, (*request).upload},
		{"GET /import/{token}", Operator, (*request).readImport},
		{"POST /import/{token}/choose", Operator, (*request).chooseImport},
		{"POST /import/{token}/confirm", Operator, (*request).confirmImport},
		{"GET /import/{token}/refused.csv", Operator, (*request).exportRefused},
		{"GET /import/{token}/refused.xlsx", Operator, (*request).exportRefused},
		{"GET /accounts", Viewer, (*request).accountsPage},
		{"GET /accounts/{partner}/{act}", Operator, (*request).holdPage},
		{"POST /accounts/{partner}/hold", Operator, (*request).holdAccount},
		{"POST /accounts/{partner}/release", Operator, (*request).releaseAccount},
		{"GET /events", Viewer, (*request).events},
		{"POST /events/replay", Operator, (*request).replayEvents},
		{"GET /audit", Viewer, (*request).audit},
		{"GET /dead.csv", Viewer, (*request).exportDead},
		{"GET /dead.xlsx", Viewer, (*request).exportDead},
		{"GET /shipments.csv", Viewer, (*request).exportShipments},
		{"GET /shipments.xlsx", Viewer, (*request).exportShipments},
		{"GET /batches.csv", Viewer, (*request).exportBatches},
		{"GET /batches.xlsx", Viewer, (*request).exportBatches},
		{"GET /audit.csv", Viewer, (*request).exportAudit},
		{"GET /audit.xlsx", Viewer, (*request).exportAudit},
		{"/", Viewer, (*request).notFound},
	}
}

// protect sets what every answer carries and turns away what comes from other pages.
func (d *Desk) protect(next http.Handler) http.Handler {
	next = http.NewCrossOriginProtection().Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		// E1: nobody frames these pages. No inline script and no inline style: what gets into a page as text
		// stays text.
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "+
			"form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Frame-Options", "DENY")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if d.o.SecureCookies {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}
