package desk_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// last is the newest line of history of an act; it has to be there.
func (s *site) last(v shipment.Shipment, act ledger.Act) ledger.Line {
	s.t.Helper()
	lines := s.lines(v, act)
	if len(lines) == 0 {
		s.t.Fatalf("no line of %s", act)
	}
	return lines[len(lines)-1]
}

func (s *site) lines(v shipment.Shipment, act ledger.Act) (some []ledger.Line) {
	s.t.Helper()
	all, err := s.book.History(s.t.Context(), v.Key())
	must(s.t, err)
	for _, l := range all {
		if l.Act == act {
			some = append(some, l)
		}
	}
	return some
}

// Correct and send again: the page names the pace, the old values stay on record, and the list's filter is not lost.
func TestSendAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	v := parcel(1)
	s.die(v, refused(ledger.FoundWaiting, "WAIT_SELLER_SEND_GOODS"))
	s.serve("worker-1", partner)
	wang := s.as("wang", "zh")

	list := wang.look("/dead?reason=trade_status_not_available")
	if !strings.Contains(list.body, casePath(v)+"?from=%2fdead%3freason%3dtrade_status_not_available") {
		t.Fatalf("the list's link to the case does not carry its filter:\n%s", list.body)
	}
	p := wang.look(casePath(v) + "?from=" + url.QueryEscape("/dead?reason=trade_status_not_available"))
	p.says("交易状态不允许发货（TRADE_STATUS_NOT_AVAILD）", "等待卖家发货（WAIT_SELLER_SEND_GOODS）", "请重新提交一次", "旗舰店")
	done := wang.follow(wang.submit(p, casePath(v)+"/send", "invoice_no", "YT42", "transport_type", "EMS"))
	done.says("已重新提交", "预计最迟调用时间", "SF00000001 → YT42", "快递 → EMS", "wang", "×1")
	if !strings.Contains(done.body, `href="/dead?reason=trade_status_not_available"`) {
		t.Error("no way back to the list with its filter")
	}
	row := s.row(v)
	if row.State != shipment.Queued || row.InvoiceNo != "YT42" || row.TransportType != "EMS" || row.LogisticsName != v.LogisticsName || !row.Doubt {
		t.Errorf("got %+v", row)
	}
	if l := s.last(v, ledger.ActSendAgain); l.Actor != "wang" || l.Before["invoice_no"] != v.InvoiceNo {
		t.Errorf("got %+v", l)
	}
	// A worker may have begun meanwhile: the same form is still a second click.
	again := wang.follow(wang.submit(p, casePath(v)+"/send", "invoice_no", "YT42", "transport_type", "EMS"))
	again.says("已重新提交")
	if n := len(s.lines(v, ledger.ActSendAgain)); n != 1 {
		t.Errorf("sent again %d times", n)
	}
	// With something else in it, it is not.
	wang.submit(p, casePath(v)+"/send", "invoice_no", "OTHER", "transport_type", "EMS").want(http.StatusConflict)
}

// Nothing that was typed is lost to a fault, and the fault stands at its field.
func TestAFaultyFieldKeepsWhatWasTyped(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	v := parcel(1)
	before := s.die(v, refused(ledger.FoundWaiting, "WAIT_SELLER_SEND_GOODS"))
	wang := s.as("wang", "zh")
	for _, c := range []struct{ act, field, bad, other, kept, says string }{
		{"send", "logistics_name", "A&B", "invoice_no", "KEEP-1", "请填写物流公司"},
		{"send", "logistics_name", "", "invoice_no", "KEEP-1", "请填写物流公司"},
		{"send", "invoice_no", "7.7E+13", "logistics_name", "韵达", "运单号最多"},
		{"send", "transport_type", "ROCKET", "invoice_no", "KEEP-1", "请选择运输方式"},
		{"close", "why", "  ", "why", "  ", "请填写原因"},
		{"close", "why", strings.Repeat("长", 301), "", "", "请填写原因"},
		{"note", "note", strings.Repeat("长", 2001), "", "", "请填写备注"},
	} {
		address := casePath(v) + "?from=" + url.QueryEscape("/dead?q=1")
		p := wang.submit(wang.look(address), casePath(v)+"/"+c.act, c.other, c.kept, c.field, c.bad)
		p.want(http.StatusUnprocessableEntity)
		p.says(c.says)
		form := p.form(casePath(v) + "/" + c.act)
		if form.Get(c.field) != c.bad || c.other != "" && form.Get(c.other) != c.kept || form.Get("back") != address {
			t.Errorf("%s: what was typed is lost: %v", c.field, form)
		}
		if !strings.Contains(p.body, `aria-describedby="fault-`+c.field) {
			t.Errorf("%s: the field is not marked", c.field)
		}
	}
	if after := s.row(v); after.Version != before.Version {
		t.Error("something was done")
	}
}

func TestCloseAndReopen(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.serve("worker-1", partner)
	v := parcel(1)
	s.die(v, refused(ledger.FoundWaiting, "WAIT_SELLER_SEND_GOODS"))
	wang := s.as("wang", "zh")
	p := wang.look(casePath(v))
	closed := wang.follow(wang.submit(p, casePath(v)+"/close", "why", "买家已退款"))
	closed.says("已标记为已处理", "买家已退款", "重新打开")
	if row := s.row(v); row.State != shipment.Closed {
		t.Fatalf("%s", row.State)
	}
	wang.follow(wang.submit(p, casePath(v)+"/close", "why", "买家已退款"))
	if n := len(s.lines(v, ledger.ActClose)); n != 1 {
		t.Errorf("closed %d times", n)
	}
	wang.follow(wang.submit(closed, casePath(v)+"/send")).says("已重新提交", "预计最迟调用时间")
	if row := s.row(v); row.State != shipment.Queued {
		t.Errorf("%s", row.State)
	}
}

func TestMarkShipped(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	v := parcel(1)
	s.die(v, refused(ledger.FoundShipped, "WAIT_BUYER_CONFIRM_GOODS"))
	wang := s.as("wang", "en")
	p := wang.look(casePath(v))
	p.says("Mark it as shipped; do not send it again")
	if p.form(casePath(v)+"/send") != nil {
		t.Error("sending again is offered for what is shipped (U7)")
	}
	for range 2 {
		wang.follow(wang.submit(p, casePath(v)+"/mark")).says("Marked as shipped")
	}
	if row := s.row(v); row.State != shipment.Shipped || len(s.lines(v, ledger.ActMarkShipped)) != 1 {
		t.Errorf("%s", row.State)
	}
}

func TestAssign(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	v := parcel(1)
	s.die(v, refused(ledger.FoundWaiting, "WAIT_SELLER_SEND_GOODS"))
	wang := s.as("wang", "zh")
	p := wang.look(casePath(v))
	var mine *page
	for range 2 {
		mine = wang.follow(wang.submit(p, casePath(v)+"/take"))
		mine.says("由您负责")
	}
	if s.row(v).Assignee != "wang" || len(s.lines(v, ledger.ActAssign)) != 1 {
		t.Error("not assigned once")
	}
	wang.follow(wang.submit(mine, casePath(v)+"/leave")).says("无人负责")
	if s.row(v).Assignee != "" {
		t.Error("still assigned")
	}
}

// A note disturbs nobody: it is kept although the case has changed since.
func TestNote(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	v := parcel(1)
	s.die(v, refused(ledger.FoundWaiting, "WAIT_SELLER_SEND_GOODS"))
	wang, li := s.as("wang", "zh"), s.as("li", "zh")
	p := li.look(casePath(v))
	wang.follow(wang.submit(wang.look(casePath(v)), casePath(v)+"/take"))
	for range 2 {
		li.follow(li.submit(p, casePath(v)+"/note", "note", "已联系买家")).says("备注已保存", "已联系买家")
	}
	if n := len(s.lines(v, ledger.ActNote)); n != 1 {
		t.Errorf("%d notes", n)
	}
}

// The page shows that Alipay is asked, and the answer when it is there.
func TestAsk(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	v := parcel(1)
	s.die(v, refused("", ""))
	wang := s.as("wang", "zh")
	p := wang.look(casePath(v))
	p.says("请先点「再次查询支付宝」")
	if p.form(casePath(v)+"/send") != nil {
		t.Error("sending again is offered although Alipay has refused and no query says that it waits (C1)")
	}
	asking := wang.follow(wang.submit(p, casePath(v)+"/ask"))
	asking.says("正在等待答复", "没有正在运行的发货程序")
	if !strings.Contains(asking.body, `data-live="3"`) {
		t.Error("the page does not wait for the answer")
	}
	s.serve("worker-1", partner)
	if strings.Contains(wang.look(casePath(v)).text(), "没有正在运行的发货程序") {
		t.Error("the worker is not seen")
	}
	questions, err := s.book.TakeQuestions(t.Context(), []string{partner})
	must(t, err)
	must(t, s.book.AnswerQuestion(t.Context(), questions[0], ledger.Finds{Found: ledger.FoundWaiting, TradeStatus: "WAIT_SELLER_SEND_GOODS"}, "worker-1"))
	answered := wang.look(casePath(v))
	answered.says("支付宝对查询的答复", "等待卖家发货（WAIT_SELLER_SEND_GOODS）", "请重新提交一次")
	if !strings.Contains(answered.body, `data-live=""`) {
		t.Error("the page still waits")
	}
	// Sent again by the browser after the answer has changed the case: nothing is asked twice.
	wang.follow(wang.submit(p, casePath(v)+"/ask"))
	if n := len(s.lines(v, ledger.ActAsk)); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	v := parcel(1)
	s.accept(v)
	wang := s.as("wang", "zh")
	p := wang.look("/shipments/" + v.Partner + "/" + v.TradeNo)
	p.says("正在排队")
	for range 2 {
		wang.follow(wang.submit(p, casePath(v)+"/cancel")).says("已取消", "没有调用过支付宝")
	}
	if s.row(v).State != shipment.Closed {
		t.Error("not cancelled")
	}
	// One that was called cannot be cancelled, and the page says why.
	s.change(`UPDATE shipments SET state = 'queued', sent_attempts = 1, settled_at = 0 WHERE trade_no = ?`, v.TradeNo)
	called := wang.look(casePath(v))
	called.says("已经调用过支付宝，不能取消")
	if called.form(casePath(v)+"/cancel") != nil {
		t.Error("cancelling is offered")
	}
}

// An account that may not query: a person's look takes the query's place, and only there.
func TestLookedAtAlipaysPage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	v := parcel(1)
	s.die(v, ledger.Move{To: shipment.Dead, Reason: shipment.ReasonOutcomeUnknown, Detail: "in doubt, and the account may not query"})
	_, err := s.book.MayNotQuery(t.Context(), partner, true)
	must(t, err)
	wang := s.as("wang", "zh")
	p := wang.look(casePath(v))
	p.says("没有给该商户开通查询接口", "我已在支付宝商家后台看过")
	refused := wang.submit(p, casePath(v)+"/send")
	refused.want(http.StatusUnprocessableEntity)
	refused.says("请先在支付宝商家后台确认")
	wang.follow(wang.submit(p, casePath(v)+"/send", "looked", "yes")).says("已在支付宝后台确认仍在等待发货")
	if row := s.row(v); row.State != shipment.Queued || row.Doubt {
		t.Errorf("got %+v", row)
	}
	other := parcel(2)
	_, err = s.book.MayNotQuery(t.Context(), partner, false)
	must(t, err)
	s.change(`UPDATE accounts SET open_at = 0, token = 0`)
	s.die(other, ledger.Move{To: shipment.Dead, Reason: shipment.ReasonOutcomeUnknown})
	wang.follow(wang.submit(wang.look(casePath(other)), casePath(other)+"/send", "looked", "yes"))
	if row := s.row(other); !row.Doubt {
		t.Error("a person's word was taken where Alipay can be asked (U7)")
	}
}
