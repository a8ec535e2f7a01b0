package desk_test

import (
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"fahuo/internal/alipay"
	"fahuo/internal/desk"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

var verbs = regexp.MustCompile(`%[a-z%]`)

// Every sentence exists in both languages and takes the same values. English alone tells one from many.
func TestBothLanguagesSayTheSame(t *testing.T) {
	t.Parallel()
	zh, en := desk.Sentences("zh"), desk.Sentences("en")
	for key, sentence := range zh {
		other, ok := en[key]
		if !ok {
			t.Errorf("en lacks %s", key)
			continue
		}
		if a, b := verbs.FindAllString(sentence, -1), verbs.FindAllString(other, -1); !slices.Equal(a, b) {
			t.Errorf("%s: zh takes %v, en %v", key, a, b)
		}
	}
	for key := range en {
		if _, ok := zh[strings.TrimSuffix(key, ".one")]; !ok {
			t.Errorf("zh lacks %s", key)
		}
	}
}

// computed are keys that are put together from a value: their beginnings, and the values that there are.
func computed() map[string][]string {
	var states, reasons []string
	for _, s := range shipment.States() {
		states = append(states, string(s))
	}
	for _, r := range shipment.Reasons() {
		reasons = append(reasons, string(r))
	}
	var acts []string
	for _, a := range allActs() {
		acts = append(acts, string(a))
	}
	var verdicts []string
	for o := alipay.Unknown; o <= alipay.UnlistedCode; o++ {
		verdicts = append(verdicts, o.String())
	}
	verdicts = append(verdicts, ledger.VerdictNotSent)
	over := []string{"send_again", "close", "assign"}
	return map[string][]string{
		"state.": states, "reason.": append(reasons, ""), "what.": reasons, "event.": append(acts, "other"), "verdict.ship.": verdicts, "verdict.query.": verdicts,
		"found.": {"waiting", "shipped", "not_shippable", "not_exist"}, "transport.": {"EXPRESS", "EMS", "POST", "DIRECT", ""},
		"obstacle.": {"state", "payload", "shipped", "refused", "look_first", "not_shipped", "changed"},
		"act.":      over, "bulk.confirm.": over, "bulk.report.": over, "bulk.state.": {"preview", "running", "done", "undoing", "undone"},
		"do.": {"ask", "send", "close", "mark", "take", "leave", "note", "cancel"}, "done.case_": {"ask", "send", "close", "mark", "take", "leave", "note", "cancel"},
		"fault.":  {"logistics_name", "invoice_no", "transport_type", "why", "note", "looked", "other"},
		"change.": {"logistics_name", "invoice_no", "transport_type", "assignee", "looked"}, "role.": {"viewer", "operator"},
		"nav.": {"overview", "dead", "shipments", "batches", "accounts", "audit"},
	}
}

// allActs are the acts that the ledger's source declares.
func allActs() (all []ledger.Act) {
	source, err := os.ReadFile("../ledger/history.go")
	if err != nil {
		panic(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^\tAct\w+\s+Act = "(\w+)"`).FindAllStringSubmatch(string(source), -1) {
		all = append(all, ledger.Act(m[1]))
	}
	return all
}

// Every key that is put together from a value is there, for every value.
func TestComputedKeysAreThere(t *testing.T) {
	t.Parallel()
	if len(allActs()) < 25 {
		t.Fatalf("found only %v in the ledger", allActs())
	}
	for _, name := range []string{"zh", "en"} {
		say := desk.Sentences(name)
		for prefix, values := range computed() {
			for _, v := range values {
				if say[prefix+v] == "" {
					t.Errorf("%s lacks %s", name, prefix+v)
				}
			}
		}
	}
}

// codes are those of the protocol's table (docs/protocol.md).
var protocolCode = regexp.MustCompile(`(?m)"([A-Z][A-Z0-9_]{4,})"`)

// Every code that Alipay is known to answer with has a sentence, in every spelling.
func TestEveryCodeHasASentence(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("../alipay/code.go")
	must(t, err)
	codes := protocolCode.FindAllStringSubmatch(string(source), -1)
	if len(codes) < 35 {
		t.Fatalf("found only %d codes", len(codes))
	}
	for _, name := range []string{"zh", "en"} {
		say := desk.Sentences(name)
		for _, c := range codes {
			if say["code."+c[1]] == "" {
				t.Errorf("%s has no sentence for %s", name, c[1])
			}
		}
	}
}

// A sentence that nothing says is dead weight: it is named in a template or in Go, or put together from a value.
func TestNoSentenceIsUnused(t *testing.T) {
	t.Parallel()
	var sources strings.Builder
	must(t, filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(path, "_test.go") || !strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, ".html") {
			return err
		}
		text, err := os.ReadFile(path)
		sources.Write(text)
		return err
	}))
	known := make(map[string]bool)
	for prefix, values := range computed() {
		for _, v := range values {
			known[prefix+v] = true
		}
	}
	for key := range desk.Sentences("zh") {
		switch {
		case known[key], strings.HasPrefix(key, "code."), strings.HasPrefix(key, "status."): // what Alipay may say
		case strings.HasPrefix(key, "what."), strings.HasPrefix(key, "todo."): // TestEveryReasonAndFinding
			if !strings.Contains(sources.String(), `"`+key+`"`) && !strings.Contains(sources.String(), `"`+strings.TrimPrefix(key, "todo.")+`"`) && !known["what."+strings.TrimPrefix(key, "todo.")] {
				t.Errorf("nothing says %s", key)
			}
		case !strings.Contains(sources.String(), `"`+key+`"`):
			t.Errorf("nothing says %s", key)
		}
	}
}

// Every reason of death with every finding is a page in both languages, without a key that is missing and without
// a word of English in Chinese but for codes.
func TestEveryReasonAndFinding(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	v := parcel(1)
	s.die(v, refused("", ""))
	zh, en := s.as("wang", "zh"), s.as("wang", "en")
	statuses := map[ledger.Finding]string{
		"": "", ledger.FoundWaiting: "WAIT_SELLER_SEND_GOODS", ledger.FoundShipped: "WAIT_BUYER_CONFIRM_GOODS", ledger.FoundNotShippable: "TRADE_CLOSED", ledger.FoundNotExist: "",
	}
	for _, reason := range shipment.Reasons() {
		for finding, status := range statuses {
			for _, mayNot := range []int{0, 1} {
				s.change(`UPDATE shipments SET reason = ?, found = ?, trade_status = ? WHERE trade_no = ?`, string(reason), string(finding), status, v.TradeNo)
				s.change(`UPDATE accounts SET no_query_at = ?`, mayNot)
				for _, b := range []*browser{zh, en} {
					p := b.look(casePath(v))
					what := desk.Sentences(b.lang)["what."+string(reason)]
					if strings.Contains(p.body, "⟨") || strings.Contains(p.body, "%!") || !strings.Contains(p.text(), what) {
						t.Errorf("%s, %s, %s: a sentence is missing in\n%s", reason, finding, b.lang, p.text())
					}
					if words := english(p); b == zh && len(words) > 0 {
						t.Errorf("%s, %s: English for a Chinese reader: %q", reason, finding, words)
					}
				}
			}
		}
	}
	// What a refusal comes to depends on what the query found (C1).
	for finding, want := range map[ledger.Finding]string{
		ledger.FoundWaiting: "请重新提交一次", ledger.FoundShipped: "请点「标记已发货」", ledger.FoundNotShippable: "请联系支付宝客服", "": "再次查询支付宝",
	} {
		s.change(`UPDATE accounts SET no_query_at = 0`)
		s.change(`UPDATE shipments SET reason = 'trade_status_not_available', found = ?, trade_status = ? WHERE trade_no = ?`, string(finding), statuses[finding], v.TradeNo)
		zh.look(casePath(v)).says(want)
	}
	s.change(`UPDATE shipments SET found = 'waiting', resent = 1 WHERE trade_no = ?`, v.TradeNo)
	zh.look(casePath(v)).says("请不要再反复提交")
	// A status and a code that nobody has met are shown as they came.
	s.change(`UPDATE shipments SET found = 'not_shippable', trade_status = 'BRAND_NEW', error_code = 'NEVER_SEEN' WHERE trade_no = ?`, v.TradeNo)
	zh.look(casePath(v)).says("不能发货（BRAND_NEW）", "支付宝返回：NEVER_SEEN")
}

// Every state, and every act in the timeline.
func TestEveryStateAndAct(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	v := parcel(1)
	s.die(v, refused(ledger.FoundWaiting, "WAIT_SELLER_SEND_GOODS"))
	for i, act := range allActs() {
		s.change(`INSERT INTO history (at, partner, trade_no, actor, act, from_state, to_state, version, detail, audit, old_values, new_values)
			VALUES (?, ?, ?, 'wang', ?, 'queued', 'dead', 1, '一句话', ?, '', '')`, i, v.Partner, v.TradeNo, string(act), i%2)
	}
	for o := alipay.Unknown; o <= alipay.UnlistedCode; o++ {
		for _, service := range []string{alipay.ServiceShip, alipay.ServiceQuery} {
			must(t, s.book.RecordQuery(t.Context(), v.Key(), service, "worker-1", `{}`, ledger.Answer{Verdict: o.String(), TradeStatus: "TRADE_CLOSED"}))
		}
	}
	for _, state := range shipment.States() {
		s.change(`UPDATE shipments SET state = ?, barred = 0, token = ? WHERE trade_no = ?`, string(state), state == shipment.Calling, v.TradeNo)
		for _, lang := range []string{"zh", "en"} {
			p := s.as("wang", lang).look(casePath(v))
			if strings.Contains(p.body, "⟨") || strings.Contains(p.body, "%!") {
				t.Errorf("%s, %s: a sentence is missing in\n%s", state, lang, p.text())
			}
			if words := english(p); lang == "zh" && len(words) > 0 {
				t.Errorf("%s: English for a Chinese reader: %q", state, words)
			}
		}
	}
	s.as("wang", "zh").look(casePath(v)).says("签名未通过验证", "拒绝：交易状态不允许发货")
}

var (
	word  = regexp.MustCompile(`[A-Za-z_]{3,}`)
	plain = []string{"Fahuo", "English", "wang", "UTC", "HTTP", "worker", "trade_no", "partner", "EMS", "b1"}
)

// english are words of a page's text that are neither codes nor names: outside of <details>, where the machine speaks.
func english(p *page) (words []string) {
	main := p.find(func(n *html.Node) bool { return n.Data == "main" })
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Data == "details" && !strings.Contains(attr(n, "class"), "act") {
			return
		}
		if n.Type == html.TextNode {
			for _, w := range word.FindAllString(n.Data, -1) {
				if w != strings.ToUpper(w) && !slices.Contains(plain, w) {
					words = append(words, w)
				}
			}
		}
		for c := range n.ChildNodes() {
			walk(c)
		}
	}
	walk(main)
	return words
}

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
	v.LogisticsName = "zhang.san@example.com"
	s.die(v, refused(ledger.FoundWaiting, "WAIT_SELLER_SEND_GOODS"))
	s.change(`UPDATE calls SET answer = ?1, error = ?1, params = ?2`, planted,
		`{"trade_no":"1","sign":"0123456789abcdef","key":"topsecretkey","secret":"hushhush","logistics_name":"zhang.san@example.com 13812345678"}`)
	must(t, s.book.RecordQuery(t.Context(), v.Key(), "single_trade_query", "w", planted, ledger.Answer{Verdict: planted, Code: planted, Body: planted}))
	s.change(`UPDATE history SET detail = ?`, planted)
	must(t, s.book.Note(t.Context(), v.Key(), planted, "li"))
	must1(s.book.Assign(t.Context(), s.row(v), "li", "li"))
	bad := parcel(2)
	must(t, s.book.AcceptDead(t.Context(), bad.Key(), []byte(planted), "worker-1"))
	b := must1(s.book.Preview(t.Context(), ledger.BulkOrder{Act: ledger.ActClose, Actor: "li", Argument: planted, Filter: "q=13812345678"}))
	wang := s.as("wang", "zh")
	old := wang.look(casePath(v))
	must1(s.book.CloseCase(t.Context(), s.row(v), planted, "li"))
	for _, p := range []*page{
		wang.look(casePath(v)), wang.look(casePath(bad)), wang.look("/bulk/" + id(ledger.Row{ID: b.ID})), wang.submit(old, casePath(v)+"/close", "why", "x"),
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
