package desk_test

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// What gets into a page as text stays text, wherever it comes from.
func TestNothingIsMarkup(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	const evil = `"><script>alert(1)</script><img src=x onerror=alert(1)>`
	v := parcel(1)
	s.die(v, refused(ledger.FoundNotShippable, "TRADE_CLOSED"))
	s.change(`UPDATE shipments SET logistics_name = ?1, invoice_no = ?1, transport_type = ?1, create_transport_type = ?1, seller_ip = ?1, order_ref = ?1,
		batch = ?1, error_code = ?1, trade_status = ?1, refund_status = ?1, assignee = ?1, unlisted_code = ?1`, evil)
	s.change(`UPDATE accounts SET name = ?1, held_at = 1, held_code = ?1, held_reason = ?1`, evil)
	s.change(`UPDATE calls SET code = ?1, trade_status = ?1, refund_status = ?1, answer = ?1, error = ?1, verdict = ?1, worker = ?1, params = ?1`, evil)
	s.change(`UPDATE history SET actor = ?1, detail = ?1`, evil)
	must(t, s.book.Note(t.Context(), v.Key(), evil, evil))
	must1(s.book.CloseCase(t.Context(), s.row(v), evil, evil))
	odd := shipment.Key{Partner: partner, TradeNo: evil + "/../?#"}
	must(t, s.book.AcceptDead(t.Context(), odd, []byte(evil), evil))
	b := must1(s.book.Preview(t.Context(), ledger.BulkOrder{Act: ledger.ActClose, Actor: evil, Argument: evil, Filter: "q=" + url.QueryEscape(evil)}))
	wang := s.as("wang", "zh")
	list := wang.look("/dead")
	link := list.find(func(n *html.Node) bool {
		return n.Data == "a" && strings.HasPrefix(attr(n, "href"), "/dead/"+partner+"/")
	})
	if link == nil {
		t.Fatal("no link to the odd one")
	}
	pages := []*page{
		list, wang.look(casePath(v)), wang.look("/bulk/" + id(ledger.Row{ID: b.ID})), wang.look(attr(link, "href")),
		wang.look(casePath(v) + "?from=" + url.QueryEscape("/dead?q="+evil)),
	}
	s.change(`UPDATE shipments SET state = 'queued', barred = 0 WHERE trade_no = ?`, v.TradeNo)
	pages = append(pages, wang.look(casePath(v)), wang.post(casePath(v)+"/close", url.Values{"version": {"1"}, "why": {evil}}))
	s.change(`UPDATE shipments SET state = 'dead' WHERE trade_no = ?`, v.TradeNo)
	p := wang.look(casePath(v))
	pages = append(pages, wang.submit(p, casePath(v)+"/send", "invoice_no", evil+"&"), wang.submit(p, casePath(v)+"/note", "note", evil+strings.Repeat("x", 2000)))
	order := url.Values{"act": {"close"}, "all": {"yes"}, "why": {""}, "filter": {"q=" + url.QueryEscape(evil)}}
	pages = append(pages, wang.post("/dead/bulk", order))
	for i, p := range pages {
		if !strings.Contains(p.body, "alert(1)") {
			t.Errorf("page %d does not show it at all:\n%s", i, p.body)
		}
		if n := p.find(func(n *html.Node) bool {
			return n.Data == "img" || n.Data == "script" && attr(n, "src") == "" || slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return strings.HasPrefix(a.Key, "on") })
		}); n != nil {
			t.Errorf("page %d: it has become markup:\n%s", i, p.body)
		}
		p.saysNot("<script>alert", "<img src=x")
	}
}

// No key, no signature, no e-mail address and no telephone number is in any page, whatever holds it.
func TestNoSecretIsShown(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	const planted = `buyer zhang.san@example.com 13812345678 +86-13812345678 sign=0123456789abcdef key=topsecretkey "secret":"hushhush"`
	v := parcel(1)
	v.OrderRef = "13812345678"
	v.InvoiceNo = "13812345678"
	v.Batch = "13812345678"
	v.LogisticsName = "zhang.san@example.com"
	s.die(v, refused(ledger.FoundWaiting, "WAIT_SELLER_SEND_GOODS"))
	s.change(`UPDATE calls SET answer = ?1, error = ?1, params = ?2`, planted,
		`{"trade_no":"1","sign":"0123456789abcdef","key":"topsecretkey","secret":"hushhush","logistics_name":"zhang.san@example.com 13812345678"}`)
	must(t, s.book.RecordQuery(t.Context(), v.Key(), "single_trade_query", "w", planted, ledger.Answer{Verdict: planted, Code: planted, Body: planted}))
	s.change(`UPDATE history SET detail = ?`, planted)
	must(t, s.book.Note(t.Context(), v.Key(), planted, "li"))
	must1(s.book.Assign(t.Context(), s.row(v), "li", "li"))
	bad := parcel(2)
	bad.TradeNo = "task-13812345678"
	must(t, s.book.AcceptDead(t.Context(), bad.Key(), []byte(planted), "worker-1"))
	b := must1(s.book.Preview(t.Context(), ledger.BulkOrder{Act: ledger.ActClose, Actor: "li", Argument: planted, Filter: "q=13812345678"}))
	wang := s.as("wang", "zh")
	old, dead := wang.look(casePath(v)), wang.look("/dead")
	dead.says(v.TradeNo, "138****5678")
	must1(s.book.CloseCase(t.Context(), s.row(v), planted, "li"))
	for _, p := range []*page{
		wang.look(casePath(v)), wang.look(casePath(bad)), wang.look("/bulk/" + id(ledger.Row{ID: b.ID})), wang.submit(old, casePath(v)+"/close", "why", "x"),
		dead, wang.look("/shipments"), wang.look("/batches"), wang.look("/audit"),
	} {
		shown := p.find(func(n *html.Node) bool { return n.Data == "main" })
		for _, secret := range []string{"zhang.san@", "13812345678", "0123456789abcdef", "topsecretkey", "hushhush"} {
			if strings.Contains(text(shown), secret) {
				t.Errorf("%s is shown:\n%s", secret, text(shown))
			}
		}
	}
}

// The text for Alipay's support has everything in one.
func TestCopyForSupport(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	v := parcel(1)
	s.die(v, refused(ledger.FoundNotShippable, "TRADE_CLOSED"))
	must(t, s.book.RecordQuery(t.Context(), v.Key(), "single_trade_query", "w", "{}", ledger.Answer{Verdict: "succeeded", TradeStatus: "TRADE_CLOSED"}))
	p := s.as("wang", "zh").look(casePath(v))
	box := p.find(func(n *html.Node) bool { return n.Data == "textarea" && has(n, "readonly") })
	for _, want := range []string{partner, v.TradeNo, v.OrderRef, "TRADE_STATUS_NOT_AVAILD", "交易关闭（TRADE_CLOSED）"} {
		if !strings.Contains(text(box), want) {
			t.Errorf("%q is missing in %q", want, text(box))
		}
	}
	if n := len(regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \(UTC\+8\)`).FindAllString(text(box), -1)); n != 2 {
		t.Errorf("%d times in %q", n, text(box))
	}
	if button := p.find(func(n *html.Node) bool {
		return n.Data == "button" && has(n, "data-copy") && strings.Contains(attr(n, "data-copy"), "\n")
	}); button == nil {
		t.Error("it cannot be copied with one click")
	}
}
