package desk_test

import (
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
	// What the buyer can still pay for is not over.
	for _, status := range []string{"WAIT_BUYER_PAY", "WAIT_SYS_CONFIRM_PAY"} {
		s.change(`UPDATE shipments SET found = 'not_shippable', trade_status = ? WHERE trade_no = ?`, status, v.TradeNo)
		zh.look(casePath(v)).says(desk.Sentences("zh")["todo.not_paid"])
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
