package desk_test

import (
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"fahuo/internal/beijing"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// next is where a page's link of this relation leads.
func (p *page) next(rel string) string {
	p.t.Helper()
	found := regexp.MustCompile(`rel="` + rel + `" href="([^"]+)"`).FindStringSubmatch(p.body)
	if found == nil {
		p.t.Fatalf("no link %q in %s", rel, p.text())
	}
	return strings.ReplaceAll(found[1], "&amp;", "&")
}

// The last day of a filter is in it, to Beijing's midnight, on every list.
func TestTheLastDayCounts(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	rows := s.acceptMany(partner, 1, 2)
	s.settle(rows, shipment.Dead)
	in, out := time.Date(2026, 3, 5, 23, 59, 59, 0, beijing.Zone), time.Date(2026, 3, 6, 0, 0, 0, 0, beijing.Zone)
	for i, at := range []time.Time{in, out} {
		s.change(`UPDATE shipments SET accepted_at = ?1, settled_at = ?1 WHERE id = ?2`, at.UnixMicro(), rows[i].ID)
		must(t, s.book.Note(t.Context(), rows[i].Key(), "x", "wang"))
		s.change(`UPDATE history SET at = ? WHERE trade_no = ?`, at.UnixMicro(), rows[i].TradeNo)
	}
	look := s.as("look", "en")
	for _, list := range []string{"/dead", "/shipments", "/audit"} {
		p := look.look(list + "?from=2026-03-05&to=2026-03-05")
		p.says(rows[0].TradeNo)
		p.saysNot(rows[1].TradeNo)
	}
}

// Back at a list's beginning the rows are counted from one, whatever has left the list meanwhile.
func TestTheBeginningIsCountedFromOne(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	rows := s.acceptMany(partner, 1, 110)
	s.settle(rows, shipment.Dead)
	look := s.as("look", "en")
	second := look.look(look.look("/dead").next("next"))
	second.holds("51–100")
	third := look.look(second.next("next"))
	third.holds("101–110")
	for _, r := range rows[90:] {
		must1(s.book.CloseCase(t.Context(), s.row(r.Shipment), "x", "wang"))
	}
	look.look(third.next("prev")).holds("51–100") // as far as it knows
	s.change(`UPDATE shipments SET state = 'closed' WHERE state = 'dead' AND id > ?`, rows[39].ID)
	look.look(third.next("prev")).holds("1–30")
}

// An export has the order of its page, also of shipments that were accepted at one moment and went different ways.
func TestAnExportHasThePagesOrder(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	rows := s.acceptMany(partner, 1, 4)
	s.settle(rows[1:2], shipment.Shipped)
	s.settle(rows[3:], shipment.Dead)
	b := s.as("look", "en")
	table, page := readCSV(t, b.get("/shipments.csv")), b.look("/shipments").text()
	at := -1
	for i := 1; i < len(table); i++ {
		no := strings.TrimSpace(cell(t, table, i, "Trade number"))
		if next := strings.Index(page, no); next <= at {
			t.Errorf("%s stands elsewhere on the page", no)
		} else {
			at = next
		}
	}
}

// An export from deep in the trail holds what is before it, too.
func TestAnExportFromAnyPageIsWhole(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for range 60 {
		must(t, s.book.Enter(t.Context(), "robot", ledger.ActLogout, ""))
	}
	b := s.as("look", "en")
	older, err := url.Parse(b.look("/audit?actor=robot").next("next"))
	must(t, err)
	if table := readCSV(t, b.get("/audit.csv?"+older.RawQuery)); len(table) != 61 {
		t.Errorf("%d rows", len(table))
	}
}

// The exports that a page offers are of the list as it is narrowed there.
func TestExportsKeepTheFilter(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for i, account := range []string{partner, outlet} {
		rows := s.acceptMany(account, 100*i+1, 3, func(p *shipment.Shipment) { p.Batch = "day & " + account })
		s.settle(rows[:2], shipment.Dead)
		must(t, s.book.Note(t.Context(), rows[0].Key(), "x", "robot "+account))
	}
	look := s.as("look", "en")
	for list, want := range map[string]int{
		"/dead?account=" + partner + "&reason=trade_not_exist": 2, "/shipments?account=" + partner + "&state=queued": 1,
		"/audit?act=note&actor=" + url.QueryEscape("robot "+outlet): 1, "/batches?q=" + url.QueryEscape("day & "+outlet): 1,
	} {
		links := regexp.MustCompile(`<p class="exports">.*href="([^"]+)">XLSX.*href="([^"]+)">CSV`).FindStringSubmatch(look.look(list).body)
		if links == nil {
			t.Fatalf("%s offers no exports", list)
		}
		if _, sheet := readXLSX(t, look.get(html.UnescapeString(links[1]))); len(sheet) != want+1 {
			t.Errorf("%s: %d rows of XLSX", links[1], len(sheet)-1)
		}
		if table := readCSV(t, look.get(html.UnescapeString(links[2]))); len(table) != want+1 {
			t.Errorf("%s: %d rows of CSV", links[2], len(table)-1)
		}
	}
}
