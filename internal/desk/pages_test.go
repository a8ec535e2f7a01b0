package desk_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"fahuo/internal/desk"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

func TestShipmentsSearch(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.acceptMany(partner, 1, 120)
	s.settle(s.acceptMany(partner, 500, 5), shipment.Dead)
	s.acceptMany(outlet, 900, 1, func(p *shipment.Shipment) { p.OrderRef, p.Batch = `x<script>alert(1)</script>`, "" })
	b := s.as("look", "en")
	page := b.look("/shipments")
	page.holds("126 in all", "1–50", "&lt;script&gt;")
	page.saysNot("<script>alert")
	older := regexp.MustCompile(`rel="next" href="([^"]+)"`).FindStringSubmatch(page.body)
	if older == nil {
		t.Fatal(page.body)
	}
	b.look(strings.ReplaceAll(older[1], "&amp;", "&")).holds("51–100", `rel="prev"`)
	dead := b.look("/shipments?state=dead&account=" + partner)
	if got := strings.Count(dead.body, `<a class="number" href="/shipments/`+partner+"/"); got != 5 {
		t.Errorf("%d dead", got)
	}
	b.look("/shipments?batch=b1&state=queued").holds("120 in all")
	b.look("/shipments?from=2020-01-01&to=2020-01-02").holds("Nothing matches.")
	// The beginning of a number, as a spreadsheet has it, with the filter kept.
	b.look("/shipments?q=" + url.QueryEscape(`="20261123000000000000000005"`)).holds("begin with it")
	found := b.look("/shipments?q=SF000005&state=dead")
	if got := strings.Count(found.body, "<tr>") - 1; got != 5 {
		t.Errorf("%d found: %s", got, found.body)
	}
	found.holds("Search also inside the numbers", "inside=yes")
	// Inside, when no number begins like that.
	inside := b.look("/shipments?q=00503")
	inside.holds("anywhere inside the numbers", "looked through all shipments", "ORD-00503")
	b.look("/shipments?q=" + url.QueryEscape(`%_'"<b>`)).holds("Nothing matches.")
}

// A search inside the numbers says how far it has looked, and goes on from there.
func TestSearchInsideGoesOn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	old := s.acceptMany(partner, 77, 1)
	s.acceptMany(partner, 1000, 2)
	s.change(`UPDATE shipments SET id = 200000 + id WHERE id > ?`, old[0].ID)
	b := s.as("look", "en")
	page := b.look("/shipments?q=00077&inside=yes")
	page.holds("looked through the newest 50,000", "Nothing found so far")
	for steps := 0; !strings.Contains(page.body, "ORD-00077"); steps++ {
		next := regexp.MustCompile(`<a class="button" href="([^"]+)">Look further back`).FindStringSubmatch(page.body)
		if next == nil || steps > 5 {
			t.Fatalf("after %d steps: %s", steps, page.body)
		}
		page = b.look(strings.ReplaceAll(next[1], "&amp;", "&"))
	}
	page.holds("looked through all shipments")
}

func TestBatches(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.serve("w", partner)
	names := []string{`a/b//../c`, `"quoted" 'n <b>&`, "今日 批次", "..", "100%+x?y=1#z"}
	for i, name := range names {
		rows := s.acceptMany(partner, 100*i+1, 10, func(p *shipment.Shipment) { p.Batch = name })
		s.settle(rows[:3], shipment.Shipped)
		s.settle(rows[3:5], shipment.Dead)
	}
	must(t, s.book.SetRejected(t.Context(), names[0], 7))
	b := s.as("wang", "en")
	list := b.look("/batches")
	links := regexp.MustCompile(`href="(/batches\?name=[^"]+)"`).FindAllStringSubmatch(list.body, -1)
	if len(links) != len(names) {
		t.Fatalf("%d links: %s", len(links), list.body)
	}
	list.saysNot("<b>&")
	for _, link := range links {
		page := b.look(strings.ReplaceAll(link[1], "&amp;", "&"))
		page.holds("50%", "Cancel 5 shipments that were not called yet")
		for _, further := range regexp.MustCompile(`class="part" href="([^"]+)"`).FindAllStringSubmatch(page.body, -1) {
			to := strings.ReplaceAll(further[1], "&amp;", "&")
			want := "5 in all"
			if strings.Contains(to, "shipped") {
				want = "3 in all"
			} else if strings.HasPrefix(to, "/dead") {
				want = "2 in all"
			}
			b.look(to).holds(want)
		}
	}
	b.look("/batches?name=" + url.QueryEscape(names[0])).holds("<dd>7 ")
	if got := strings.Count(b.look("/batches?q="+url.QueryEscape("今日")).body, `td class="name"`); got != 1 {
		t.Errorf("%d found", got)
	}
	if a := b.get("/batches?name=nothing"); a.status != http.StatusNotFound {
		t.Errorf("%d", a.status)
	}
}

func TestBatchesHavePages(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for i := range 60 {
		s.acceptMany(partner, i+1, 1, func(p *shipment.Shipment) { p.Batch = "b" + strconv.Itoa(i) })
	}
	b := s.as("look", "en")
	page := b.look("/batches")
	older := regexp.MustCompile(`rel="next" href="([^"]+)"`).FindStringSubmatch(page.body)
	if strings.Count(page.body, `td class="name"`) != 50 || older == nil {
		t.Fatal(page.body)
	}
	page = b.look(strings.ReplaceAll(older[1], "&amp;", "&"))
	if got := strings.Count(page.body, `td class="name"`); got != 10 {
		t.Errorf("%d on the second page", got)
	}
	page.holds(`rel="first" href="/batches?"`)
}

func TestCancelBatch(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	rows := s.acceptMany(partner, 1, 10)
	s.settle(rows[:2], shipment.Shipped)
	s.settle(rows[2:3], shipment.Dead)
	s.change(`UPDATE shipments SET sent_attempts = 1, begun = 1 WHERE id = ?`, rows[3].ID)
	s.acceptMany(outlet, 100, 3, func(p *shipment.Shipment) { p.Batch = "other" })
	b := s.as("wang", "en")
	page := b.look("/cancel?name=b1")
	page.holds("6 shipments are queued and were never called", "1 queued one that was called before", "2 that have been shipped", "1 dead letter")
	// More is queued by now than was shown: nothing is done, and it asks again.
	if a := b.post("/cancel", url.Values{"name": {"b1"}, "shown": {"5"}}); a.status != http.StatusConflict || !strings.Contains(a.body, "6 shipments") {
		t.Errorf("%d %s", a.status, a.body)
	}
	for _, form := range []url.Values{{"name": {""}, "shown": {"100"}}, {"shown": {"100"}}, {"name": {"b1"}}} {
		if a := b.post("/cancel", form); a.status != http.StatusBadRequest {
			t.Errorf("%v: %d", form, a.status)
		}
	}
	if a := b.post("/cancel", url.Values{"name": {"nothing"}, "shown": {"100"}}); a.status != http.StatusNotFound {
		t.Errorf("%d", a.status)
	}
	if counts, err := s.book.Counts(t.Context(), ledger.Scope{}); err != nil || counts[shipment.Closed] != 0 {
		t.Fatal(counts, err)
	}
	a := b.post("/cancel", url.Values{"name": {"b1"}, "shown": {"6"}})
	if a.status != http.StatusSeeOther {
		t.Fatalf("%d %s", a.status, a.body)
	}
	b.look(a.location).holds("6 shipments were closed.", "Left as it is", "1 queued one that was called before", "2 that have been shipped", "There is nothing to cancel")
	for scope, want := range map[string]int64{"b1": 6, "other": 0} {
		if counts, err := s.book.Counts(t.Context(), ledger.Scope{Batch: scope}); err != nil || counts[shipment.Closed] != want {
			t.Errorf("%s: %v %v", scope, counts, err)
		}
	}
	// A double click cancels nothing more, and the trail does not say that it has.
	b.look(b.post("/cancel", url.Values{"name": {"b1"}, "shown": {"6"}}).location).holds("There is nothing to cancel")
	lines, err := s.book.Audit(t.Context(), ledger.AuditFilter{Act: ledger.ActCancel}, 10)
	if err != nil || len(lines) != 1 || lines[0].Actor != "wang" {
		t.Errorf("%+v %v", lines, err)
	}
}

func TestHoldAndRelease(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.acceptMany(partner, 1, 3)
	b := s.as("wang", "en")
	at := "/accounts/" + partner
	b.look(at+"/hold").holds("3 shipments are queued", "within 2 seconds")
	for _, reason := range []string{"", "  ", strings.Repeat("长", 501)} {
		if a := b.post(at+"/hold", url.Values{"reason": {reason}}); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, "A reason is needed") {
			t.Errorf("%q: %d", reason, a.status)
		}
	}
	if a := b.post("/accounts/2088999999999999/hold", url.Values{"reason": {"x"}}); a.status != http.StatusNotFound {
		t.Errorf("an account that is not there: %d", a.status)
	}
	if a := b.post(at+"/release", url.Values{}); a.status != http.StatusConflict {
		t.Errorf("release of what is not held: %d", a.status)
	}
	a := b.post(at+"/hold", url.Values{"reason": {"仓库盘点 <b>13800138000"}})
	b.look(a.location).holds("every worker knows within 2 seconds", "仓库盘点 &lt;b&gt;138****8000", "Release")
	account, err := s.book.Account(t.Context(), partner)
	if err != nil || account.Hold == nil || account.Hold.Code != ledger.HoldManual {
		t.Fatalf("%+v %v", account, err)
	}
	if a := b.post(at+"/hold", url.Values{"reason": {"again"}}); a.status != http.StatusConflict {
		t.Errorf("held twice: %d", a.status)
	}
	b.look(at+"/release").holds("仓库盘点", "with 3 shipments queued")
	if a := b.post(at+"/release", url.Values{"reason": {strings.Repeat("长", 501)}}); a.status != http.StatusUnprocessableEntity {
		t.Errorf("a reason that is too long: %d", a.status)
	}
	b.look(b.post(at+"/release", url.Values{"reason": {"counted 13900139000"}}).location).holds("The account is released")
	if account, err = s.book.Account(t.Context(), partner); err != nil || account.Hold != nil {
		t.Errorf("%+v %v", account, err)
	}
	trail := b.look("/audit")
	trail.holds("Put the account on hold", "Released the account", "138****8000", "Logged in", "counted 139****9000")
	trail.saysNot("13800138000", "13900139000")
	// Before and after: what was released can still be read.
	if n := strings.Count(trail.text(), "仓库盘点"); n != 3 {
		t.Errorf("the hold stands %d times in the trail: as a reason, as what came to be, and as what was there before", n)
	}
	viewer := s.as("look", "en").look("/accounts")
	viewer.saysNot("/hold")
}

func TestAuditTrail(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	rows := s.acceptMany(partner, 1, 1)
	s.settle(rows, shipment.Dead)
	dead, err := s.book.Get(t.Context(), rows[0].Key())
	must(t, err)
	invoice := "SF-corrected"
	if _, err = s.book.SendAgain(t.Context(), dead, ledger.SendAgain{Correction: ledger.Correction{InvoiceNo: &invoice}, Looked: true}, "zhao"); err != nil {
		t.Fatal(err)
	}
	for range 60 {
		must(t, s.book.Enter(t.Context(), "robot", ledger.ActLogin, "192.0.2.7"))
	}
	b := s.as("look", "en")
	page := b.look("/audit")
	if got := strings.Count(page.body, "<tr>") - 1; got != 50 {
		t.Errorf("%d lines", got)
	}
	older := regexp.MustCompile(`rel="next" href="([^"]+)"`).FindStringSubmatch(page.body)
	if older == nil {
		t.Fatal(page.body)
	}
	b.look(strings.ReplaceAll(older[1], "&amp;", "&")).holds("Sent again", "SF00000001", "SF-corrected", "dead letter", "queued")
	for query, want := range map[string]int{
		"actor=zhao": 1, "act=send_again": 1, "q=" + rows[0].TradeNo: 1, "actor=nobody": 0, "from=2020-01-01&to=2020-01-02": 0, "actor=zhao&act=login": 0,
	} {
		if got := max(0, strings.Count(b.look("/audit?"+query).body, "<tr>")-1); got != want {
			t.Errorf("%s: %d lines, want %d", query, got, want)
		}
	}
}

func TestMask(t *testing.T) {
	for text, want := range map[string]string{
		"13800138000": "138****8000", "8613800138000": "86138****8000", "call 13800138000 now": "call 138****8000 now", "mail somebody@example.com": "mail s***@example.com",
		"20261123000000000013800138000": "20261123000000000013800138000", "SF1380013800": "SF1380013800", `key="abc"`: `key="***"`, "sign: 0123": "sign: ***",
		"138-0013-8000": "138****8000", "138 0013 8000": "138****8000", "138 00138000, 139–0013–8001": "138****8000, 139****8001", "电话138-0013-8000。": "电话138****8000。",
		"+86 138 0013 8000": "+86 138****8000", "+8613800138000": "+86138****8000", "+86-13800138000": "+86-138****8000", "0086 138-0013-8000": "0086 138****8000",
		"20261123-138-0013-8000": "20261123-138-0013-8000", "138-0013-80001": "138-0013-80001", "2026-11-23 15:04:05": "2026-11-23 15:04:05",
	} {
		if got := desk.Masked(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}
