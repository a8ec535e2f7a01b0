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
	s := pagesDesk(t)
	s.accept(pagesPartner, 1, 120)
	s.settle(s.accept(pagesPartner, 500, 5), shipment.Dead)
	s.accept(pagesOther, 900, 1, func(p *shipment.Shipment) { p.OrderRef, p.Batch = `x<script>alert(1)</script>`, "" })
	b := s.login("li")
	page := b.page("/shipments")
	pagesHas(t, page, "126 in all", "1–50", "&lt;script&gt;")
	pagesLacks(t, page, "<script>alert")
	older := regexp.MustCompile(`rel="next" href="([^"]+)"`).FindStringSubmatch(page)
	if older == nil {
		t.Fatal(page)
	}
	pagesHas(t, b.page(strings.ReplaceAll(older[1], "&amp;", "&")), "51–100", `rel="prev"`)
	dead := b.page("/shipments?state=dead&account=" + pagesPartner)
	if got := strings.Count(dead, `<a class="number" href="/shipments/`+pagesPartner+"/"); got != 5 {
		t.Errorf("%d dead", got)
	}
	pagesHas(t, b.page("/shipments?batch=today&state=queued"), "120 in all")
	pagesHas(t, b.page("/shipments?from=2020-01-01&to=2020-01-02"), "Nothing matches.")
	// The beginning of a number, as a spreadsheet has it, with the filter kept.
	pagesHas(t, b.page("/shipments?q="+url.QueryEscape(`="20261123000000000000000005"`)), "begin with it")
	found := b.page("/shipments?q=SF000005&state=dead")
	if got := strings.Count(found, "<tr>") - 1; got != 5 {
		t.Errorf("%d found: %s", got, found)
	}
	pagesHas(t, found, "Search also inside the numbers", "inside=yes")
	// Inside, when no number begins like that.
	inside := b.page("/shipments?q=00503")
	pagesHas(t, inside, "anywhere inside the numbers", "looked through all shipments", "ORD-00503")
	pagesHas(t, b.page("/shipments?q="+url.QueryEscape(`%_'"<b>`)), "Nothing matches.")
}

// A search inside the numbers says how far it has looked, and goes on from there.
func TestSearchInsideGoesOn(t *testing.T) {
	s := pagesDesk(t)
	old := s.accept(pagesPartner, 77, 1)
	s.accept(pagesPartner, 1000, 2)
	s.exec(`UPDATE shipments SET id = 200000 + id WHERE id > ?`, old[0].ID)
	b := s.login("li")
	page := b.page("/shipments?q=00077&inside=yes")
	pagesHas(t, page, "looked through the newest 50,000", "Nothing found so far")
	for steps := 0; !strings.Contains(page, "ORD-00077"); steps++ {
		next := regexp.MustCompile(`<a class="button" href="([^"]+)">Look further back`).FindStringSubmatch(page)
		if next == nil || steps > 5 {
			t.Fatalf("after %d steps: %s", steps, page)
		}
		page = b.page(strings.ReplaceAll(next[1], "&amp;", "&"))
	}
	pagesHas(t, page, "looked through all shipments")
}

func TestBatches(t *testing.T) {
	s := pagesDesk(t)
	s.must(s.book.Heartbeat(t.Context(), "w", []string{pagesPartner}, false))
	names := []string{`a/b//../c`, `"quoted" 'n <b>&`, "今日 批次", "..", "100%+x?y=1#z"}
	for i, name := range names {
		rows := s.accept(pagesPartner, 100*i+1, 10, func(p *shipment.Shipment) { p.Batch = name })
		s.settle(rows[:3], shipment.Shipped)
		s.settle(rows[3:5], shipment.Dead)
	}
	s.must(s.book.SetRejected(t.Context(), names[0], 7))
	b := s.login("wang")
	list := b.page("/batches")
	links := regexp.MustCompile(`href="(/batches\?name=[^"]+)"`).FindAllStringSubmatch(list, -1)
	if len(links) != len(names) {
		t.Fatalf("%d links: %s", len(links), list)
	}
	pagesLacks(t, list, "<b>&")
	for _, link := range links {
		page := b.page(strings.ReplaceAll(link[1], "&amp;", "&"))
		pagesHas(t, page, "50%", "Cancel 5 shipments that were not called yet")
		for _, further := range regexp.MustCompile(`class="part" href="([^"]+)"`).FindAllStringSubmatch(page, -1) {
			to := strings.ReplaceAll(further[1], "&amp;", "&")
			want := "5 in all"
			if strings.Contains(to, "shipped") {
				want = "3 in all"
			} else if strings.HasPrefix(to, "/dead") {
				want = "2 in all"
			}
			pagesHas(t, b.page(to), want)
		}
	}
	pagesHas(t, b.page("/batches?name="+url.QueryEscape(names[0])), "<dd>7 ")
	if got := strings.Count(b.page("/batches?q="+url.QueryEscape("今日")), `td class="name"`); got != 1 {
		t.Errorf("%d found", got)
	}
	if a := b.get("/batches?name=nothing"); a.Status != http.StatusNotFound {
		t.Errorf("%d", a.Status)
	}
}

func TestBatchesHavePages(t *testing.T) {
	s := pagesDesk(t)
	for i := range 60 {
		s.accept(pagesPartner, i+1, 1, func(p *shipment.Shipment) { p.Batch = "b" + strconv.Itoa(i) })
	}
	b := s.login("li")
	page := b.page("/batches")
	older := regexp.MustCompile(`rel="next" href="([^"]+)"`).FindStringSubmatch(page)
	if strings.Count(page, `td class="name"`) != 50 || older == nil {
		t.Fatal(page)
	}
	page = b.page(strings.ReplaceAll(older[1], "&amp;", "&"))
	if got := strings.Count(page, `td class="name"`); got != 10 {
		t.Errorf("%d on the second page", got)
	}
	pagesHas(t, page, `rel="first" href="/batches?"`)
}

func TestCancelBatch(t *testing.T) {
	s := pagesDesk(t)
	rows := s.accept(pagesPartner, 1, 10)
	s.settle(rows[:2], shipment.Shipped)
	s.settle(rows[2:3], shipment.Dead)
	s.exec(`UPDATE shipments SET sent_attempts = 1, begun = 1 WHERE id = ?`, rows[3].ID)
	s.accept(pagesOther, 100, 3, func(p *shipment.Shipment) { p.Batch = "other" })
	b := s.login("wang")
	page := b.page("/cancel?name=today")
	pagesHas(t, page, "6 shipments are queued and were never called", "1 queued one that was called before", "2 that have been shipped", "1 dead letter")
	// More is queued by now than was shown: nothing is done, and it asks again.
	if a := b.post("/cancel", url.Values{"name": {"today"}, "shown": {"5"}}); a.Status != http.StatusConflict || !strings.Contains(a.Body, "6 shipments") {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	for _, form := range []url.Values{{"name": {""}, "shown": {"100"}}, {"shown": {"100"}}, {"name": {"today"}}} {
		if a := b.post("/cancel", form); a.Status != http.StatusBadRequest {
			t.Errorf("%v: %d", form, a.Status)
		}
	}
	if a := b.post("/cancel", url.Values{"name": {"nothing"}, "shown": {"100"}}); a.Status != http.StatusNotFound {
		t.Errorf("%d", a.Status)
	}
	if counts, err := s.book.Counts(t.Context(), ledger.Scope{}); err != nil || counts[shipment.Closed] != 0 {
		t.Fatal(counts, err)
	}
	a := b.post("/cancel", url.Values{"name": {"today"}, "shown": {"6"}})
	if a.Status != http.StatusSeeOther {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	pagesHas(t, b.page(a.To()), "6 shipments were closed.", "Left as it is", "1 queued one that was called before", "2 that have been shipped", "There is nothing to cancel")
	for scope, want := range map[string]int64{"today": 6, "other": 0} {
		if counts, err := s.book.Counts(t.Context(), ledger.Scope{Batch: scope}); err != nil || counts[shipment.Closed] != want {
			t.Errorf("%s: %v %v", scope, counts, err)
		}
	}
	// A double click cancels nothing more, and the trail does not say that it has.
	pagesHas(t, b.page(b.post("/cancel", url.Values{"name": {"today"}, "shown": {"6"}}).To()), "There is nothing to cancel")
	lines, err := s.book.Audit(t.Context(), ledger.AuditFilter{Act: ledger.ActCancel}, 10)
	if err != nil || len(lines) != 1 || lines[0].Actor != "wang" {
		t.Errorf("%+v %v", lines, err)
	}
}

func TestHoldAndRelease(t *testing.T) {
	s := pagesDesk(t)
	s.accept(pagesPartner, 1, 3)
	b := s.login("wang")
	at := "/accounts/" + pagesPartner
	pagesHas(t, b.page(at+"/hold"), "3 shipments are queued", "within 2 seconds")
	for _, reason := range []string{"", "  ", strings.Repeat("长", 501)} {
		if a := b.post(at+"/hold", url.Values{"reason": {reason}}); a.Status != http.StatusUnprocessableEntity || !strings.Contains(a.Body, "A reason is needed") {
			t.Errorf("%q: %d", reason, a.Status)
		}
	}
	if a := b.post("/accounts/2088999999999999/hold", url.Values{"reason": {"x"}}); a.Status != http.StatusNotFound {
		t.Errorf("an account that is not there: %d", a.Status)
	}
	if a := b.post(at+"/release", url.Values{}); a.Status != http.StatusConflict {
		t.Errorf("release of what is not held: %d", a.Status)
	}
	a := b.post(at+"/hold", url.Values{"reason": {"仓库盘点 <b>13800138000"}})
	pagesHas(t, b.page(a.To()), "every worker knows within 2 seconds", "仓库盘点 &lt;b&gt;138****8000", "Release")
	account, err := s.book.Account(t.Context(), pagesPartner)
	if err != nil || account.Hold == nil || account.Hold.Code != ledger.HoldManual {
		t.Fatalf("%+v %v", account, err)
	}
	if a := b.post(at+"/hold", url.Values{"reason": {"again"}}); a.Status != http.StatusConflict {
		t.Errorf("held twice: %d", a.Status)
	}
	pagesHas(t, b.page(at+"/release"), "仓库盘点", "with 3 shipments queued")
	pagesHas(t, b.page(b.post(at+"/release", url.Values{}).To()), "The account is released")
	if account, err = s.book.Account(t.Context(), pagesPartner); err != nil || account.Hold != nil {
		t.Errorf("%+v %v", account, err)
	}
	trail := b.page("/audit")
	pagesHas(t, trail, "Put the account on hold", "Released the account", "138****8000", "Logged in")
	pagesLacks(t, trail, "13800138000")
	viewer := s.login("li").page("/accounts")
	pagesLacks(t, viewer, "/hold")
}

func TestAuditTrail(t *testing.T) {
	s := pagesDesk(t)
	rows := s.accept(pagesPartner, 1, 1)
	s.settle(rows, shipment.Dead)
	dead, err := s.book.Get(t.Context(), rows[0].Key())
	s.must(err)
	invoice := "SF-corrected"
	if _, err = s.book.SendAgain(t.Context(), dead, ledger.SendAgain{Correction: ledger.Correction{InvoiceNo: &invoice}, Looked: true}, "zhao"); err != nil {
		t.Fatal(err)
	}
	for range 60 {
		s.must(s.book.Enter(t.Context(), "robot", ledger.ActLogin, "192.0.2.7"))
	}
	b := s.login("li")
	page := b.page("/audit")
	if got := strings.Count(page, "<tr>") - 1; got != 50 {
		t.Errorf("%d lines", got)
	}
	older := regexp.MustCompile(`rel="next" href="([^"]+)"`).FindStringSubmatch(page)
	if older == nil {
		t.Fatal(page)
	}
	pagesHas(t, b.page(strings.ReplaceAll(older[1], "&amp;", "&")), "Sent again", "SF00000001", "SF-corrected", "dead letter", "queued")
	for query, want := range map[string]int{
		"actor=zhao": 1, "act=send_again": 1, "q=" + rows[0].TradeNo: 1, "actor=nobody": 0, "from=2020-01-01&to=2020-01-02": 0, "actor=zhao&act=login": 0,
	} {
		if got := max(0, strings.Count(b.page("/audit?"+query), "<tr>")-1); got != want {
			t.Errorf("%s: %d lines, want %d", query, got, want)
		}
	}
}

// Every sentence is there in both languages, with the same arguments.
func TestSentencesInBothLanguages(t *testing.T) {
	s := pagesDesk(t)
	en, zh := s.desk.Sentences("en"), s.desk.Sentences("zh")
	verbs := regexp.MustCompile(`%[sd]`)
	for key, sentence := range en {
		if strings.HasSuffix(key, ".one") {
			continue
		}
		other, ok := zh[key]
		if !ok || len(verbs.FindAllString(sentence, -1)) != len(verbs.FindAllString(other, -1)) {
			t.Errorf("%s: %q and %q", key, sentence, other)
		}
	}
	for key := range zh {
		if _, ok := en[key]; !ok {
			t.Errorf("%s is not there in English", key)
		}
	}
	for _, act := range []ledger.Act{
		ledger.ActAcceptedAnew, ledger.ActUrgent, ledger.ActNoShipment, ledger.ActBegun, ledger.ActTakenOver, ledger.ActNotSent, ledger.ActBackInLine, ledger.ActRetry,
		ledger.ActHeldBack, ledger.ActUnanswered, ledger.ActShipped, ledger.ActDied, ledger.ActLateAnswer, ledger.ActAskEvidence, ledger.ActEvidence, ledger.ActChecked,
		ledger.ActRemark, ledger.ActSendAgain, ledger.ActClose, ledger.ActMarkShipped, ledger.ActAssign, ledger.ActNote, ledger.ActAsk, ledger.ActCancel, ledger.ActUndoClose,
		ledger.ActHold, ledger.ActRelease, ledger.ActLogin, ledger.ActLogout,
	} {
		if en["event."+string(act)] == "" || zh["event."+string(act)] == "" {
			t.Errorf("no words for %s", act)
		}
	}
}

func TestMask(t *testing.T) {
	for text, want := range map[string]string{
		"13800138000": "138****8000", "8613800138000": "86138****8000", "call 13800138000 now": "call 138****8000 now", "mail somebody@example.com": "mail s***@example.com",
		"20261123000000000013800138000": "20261123000000000013800138000", "SF1380013800": "SF1380013800", `key="abc"`: `key="***"`, "sign: 0123": "sign: ***",
	} {
		if got := desk.Masked(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}
