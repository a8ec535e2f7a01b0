//go:build browser

package browsertest

import (
	"database/sql"
	"fmt"
	"net/http/httptest"
	"net/url"
	"path/filepath"

	"github.com/rs/zerolog"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"fahuo/internal/desk"
	"fahuo/internal/ledger"
	"fahuo/internal/ledger/ledgertest"
	"fahuo/internal/shipment"
)

// place is what a person can come to.
type place struct {
	name string                         // of the picture
	page string                         // the template that it is made from
	come func(w *window) (leave func()) // goes there
}

// places are all pages, in each way in which they look different. The ledger gets what they are about: holds, acts
// over many in every state, a case that somebody else has changed.
func (s *stage) places() (all []place) {
	at := func(name, page, path string) {
		all = append(all, place{name, page, func(w *window) func() { w.visit(path); return func() {} }})
	}
	sent := func(name, page, path string, fields url.Values) {
		all = append(all, place{name, page, func(w *window) func() { w.visit("/accounts"); w.send(path, fields); return func() {} }})
	}
	held, free := ledgertest.Partner(2), ledgertest.Partner(1)
	_, err := s.book.SetHold(s.t.Context(), held, "ILLEGAL_SIGN", "the key in the file is an old one", "worker-1")
	s.must(err)
	waiting, settled := numbered(6_005), numbered(6_013)
	at("overview", "overview", "/")
	at("dead", "dead", "/dead")
	at("dead-narrowed", "dead", "/dead?reason=outcome_unknown&assignee=-")
	at("dead-none", "dead", "/dead?q=nothing")
	at("dead-no-date", "dead", "/dead?from=yesterday")
	at("case", "case", "/dead/"+waiting.Partner+"/"+waiting.TradeNo)
	at("shipments", "shipments", "/shipments")
	at("shipments-found", "shipments", "/shipments?q=ORD-0000000")
	at("shipments-inside", "shipments", "/shipments?q=0000&inside=yes")
	at("shipment-queued", "case", "/shipments/"+numbered(11_990).Partner+"/"+numbered(11_990).TradeNo)
	at("batches", "batches", "/batches")
	at("batch", "batch", "/batches?name=batch-00002")
	at("cancel", "cancel", "/cancel?name=batch-00002")
	at("import", "import", "/import")
	all = append(all, place{"import-dry-run", "imported", func(w *window) func() { w.upload(s.clerksFile("look")); return func() {} }})
	at("accounts", "accounts", "/accounts")
	at("hold", "hold", "/accounts/"+free+"/hold")
	at("release", "hold", "/accounts/"+held+"/release")
	at("failure", "failure", "/nowhere")
	_, err = s.book.AnnounceEndpoints(s.t.Context(), ledger.OwnerAccount, nil, []ledger.Endpoint{{Owner: settled.Partner, Name: "erp", URL: "https://erp.example/outcomes"}})
	s.must(err)
	_, err = s.book.CloseCase(s.t.Context(), s.row(settled), "refunded by hand", other)
	s.must(err)
	at("case-closed", "case", "/dead/"+settled.Partner+"/"+settled.TradeNo)
	case1, version := "/dead/"+settled.Partner+"/"+settled.TradeNo, url.Values{"version": {"2"}, "why": {"twice"}}
	sent("conflict", "conflict", case1+"/close", version)
	sent("case-fault", "case", "/dead/"+waiting.Partner+"/"+waiting.TradeNo+"/close", url.Values{"version": {"2"}, "why": {""}})
	sent("order-close", "order", "/dead/bulk", url.Values{"act": {"close"}, "all": {"yes"}, "filter": {"reason=trade_not_exist"}})
	sent("order-assign", "order", "/dead/bulk", url.Values{"act": {"assign"}, "id": {"1", "2", "3"}})
	sent("order-nothing", "order", "/dead/bulk", url.Values{"act": {"close"}})
	for name, id := range s.acts() {
		at("bulk-"+name, "bulk", fmt.Sprintf("/bulk/%d", id))
	}
	at("audit", "audit", "/audit")
	at("events", "events", "/events") // of the case that was closed above
	at("events-none", "events", "/events?state=delivered")
	sheets := s.smallSheets()
	all = append(all,
		place{"preparing", "preparing", s.prepare},
		place{"toolong", "toolong", func(w *window) func() { w.visitAt(sheets, "/dead.xlsx"); return func() {} }},
		place{"login-wrong", "login", func(w *window) func() {
			w.send("/login", url.Values{"name": {"nobody"}, "password": {"wrong"}})
			return func() {}
		}},
	)
	return all
}

// acts are acts over many in every state, by what their page shows.
func (s *stage) acts() map[string]int64 {
	ids := make(map[string]int64)
	begin := func(name string, act ledger.Act, reason shipment.Reason, argument string) int64 {
		b, err := s.book.Preview(s.t.Context(), ledger.BulkOrder{
			Act: act, Actor: operator, Filter: "reason=" + string(reason) + "&batch=batch-00000", Argument: argument,
			Matching: ledger.DeadFilter{Reason: reason, Batch: "batch-00000"},
		})
		s.must(err)
		ids[name] = b.ID
		return b.ID
	}
	run := func(id int64, undo bool) {
		s.must(s.book.StartBulk(s.t.Context(), id, undo, operator))
		for over := false; !over; {
			var err error
			over, err = s.book.StepBulk(s.t.Context(), id)
			s.must(err)
		}
	}
	begin("preview", ledger.ActSendAgain, "", "")
	begin("preview-close", ledger.ActClose, shipment.ReasonUnknownCode, "of a shop that is closed")
	run(begin("assigned", ledger.ActAssign, shipment.ReasonOutcomeUnknown, other), false)
	run(begin("closed", ledger.ActClose, shipment.ReasonTradeNotExist, "of a shop that is closed"), false)
	run(begin("sent-again", ledger.ActSendAgain, shipment.ReasonRetriesExhausted, ""), false)
	undone := begin("undone", ledger.ActClose, shipment.ReasonNotShippable, "the wrong ones")
	run(undone, false)
	run(undone, true)
	s.must(s.book.StartBulk(s.t.Context(), begin("broken", ledger.ActClose, shipment.ReasonIllegalArgument, "half of them"), false, operator))
	return ids
}

// prepare goes to the page of a preview that cannot be written down: somebody else has the ledger for as long as the
// page is looked at.
func (s *stage) prepare(w *window) (leave func()) {
	w.visit("/accounts")
	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.dir, "fahuo.db")+"?_pragma=busy_timeout(10000)")
	s.must(err)
	conn, err := db.Conn(s.t.Context())
	s.must(err)
	_, err = conn.ExecContext(s.t.Context(), "BEGIN IMMEDIATE")
	s.must(err)
	w.send("/dead/bulk", url.Values{"act": {"send_again"}, "all": {"yes"}})
	return func() {
		_, err := conn.ExecContext(s.t.Context(), "ROLLBACK")
		s.must(err)
		s.must(conn.Close())
		s.must(db.Close())
	}
}

// smallSheets is a desk over the same ledger whose sheets hold ten rows.
func (s *stage) smallSheets() (base string) {
	s.t.Helper()
	users, err := desk.LoadUsers(filepath.Join(s.dir, "users.yaml"))
	s.must(err)
	d, err := desk.New(desk.Options{Book: s.book, Users: users, Log: zerolog.Nop(), SheetRows: 10})
	s.must(err)
	server := httptest.NewUnstartedServer(nil)
	server.Config = desk.Server(d)
	server.Start()
	s.t.Cleanup(func() { server.Close(); d.Stop() })
	return server.URL
}
