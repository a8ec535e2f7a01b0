package desk_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"fahuo/internal/beijing"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// Of two people on one case the second is told who was first, with what and when.
func TestTheSecondPersonIsTold(t *testing.T) {
	t.Parallel()
	for act, fields := range map[string][]string{
		"send": nil, "close": {"why", "买家已退款"}, "take": nil, "ask": nil, // the same act for the same reason is still another person's
	} {
		t.Run(act, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			v := parcel(1)
			s.die(v, refused(ledger.FoundWaiting, "WAIT_SELLER_SEND_GOODS"))
			wang, li := s.as("wang", "zh"), s.as("li", "zh")
			p := li.look(casePath(v))
			wang.follow(wang.submit(wang.look(casePath(v)), casePath(v)+"/close", "why", "买家已退款"))
			told := li.submit(p, casePath(v)+"/"+act, fields...)
			told.want(http.StatusConflict)
			told.says("您的操作没有生效", "wang", "标记已处理", "买家已退款", "UTC+8")
			if !strings.Contains(told.body, `href="`+casePath(v)) {
				t.Error("no link to the case")
			}
			if row := s.row(v); row.State != shipment.Closed || len(s.lines(v, ledger.ActAsk)) != 0 {
				t.Errorf("something was done: %+v", row)
			}
		})
	}
}

// What somebody has done later, from another page, is not what an old page asked for.
func TestAnActFromAnOldPageIsNotALaterOne(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	v := parcel(1)
	s.die(v, refused(ledger.FoundWaiting, "WAIT_SELLER_SEND_GOODS"))
	wang, li := s.as("wang", "zh"), s.as("li", "zh")
	old := wang.look(casePath(v))
	li.follow(li.submit(li.look(casePath(v)), casePath(v)+"/take"))
	wang.follow(wang.submit(wang.look(casePath(v)), casePath(v)+"/close", "why", "买家已退款"))
	told := wang.submit(old, casePath(v)+"/close", "why", "买家已退款")
	told.want(http.StatusConflict)
	told.says("您的操作没有生效", "li", "分配负责人")
}

// What is in the way is said, and nothing is done, whatever the page offered.
func TestObstacles(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	wang := s.as("wang", "zh")
	for i, c := range []struct {
		act, says string
		found     ledger.Finding
	}{
		{"send", "不能再次提交", ledger.FoundShipped},
		{"send", "请先再次查询支付宝", ledger.FoundNotShippable},
		{"mark", "不能标记为已发货", ledger.FoundWaiting},
		{"cancel", "当前状态下不能这样操作", ledger.FoundWaiting},
	} {
		v := parcel(i + 1)
		s.change(`UPDATE accounts SET open_at = 0, token = 0`)
		row := s.die(v, refused(c.found, ""))
		p := wang.post(casePath(v)+"/"+c.act, url.Values{"version": {strconv.FormatInt(row.Version, 10)}})
		p.want(http.StatusConflict)
		p.says(c.says)
		if s.row(v).Version != row.Version {
			t.Errorf("%s: something was done", c.act)
		}
	}
}

// The server decides who may act.
func TestWhoMayAct(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	v := parcel(1)
	row := s.die(v, refused(ledger.FoundShipped, "WAIT_BUYER_CONFIRM_GOODS"))
	form := url.Values{"version": {strconv.FormatInt(row.Version, 10)}, "why": {"x"}, "note": {"x"}, "act": {"close"}, "all": {"yes"}, "filter": {""}}
	look, nobody := s.as("look", "zh"), s.visitor("zh")
	for _, act := range []string{"ask", "send", "close", "mark", "take", "leave", "note", "cancel"} {
		look.post(casePath(v)+"/"+act, form).want(http.StatusForbidden)
		nobody.post(casePath(v)+"/"+act, form).want(http.StatusUnauthorized)
	}
	for _, path := range []string{"/dead/bulk", "/bulk/1/run", "/bulk/1/undo"} {
		look.post(path, form).want(http.StatusForbidden)
		nobody.post(path, form).want(http.StatusUnauthorized)
	}
	for _, path := range []string{casePath(v), "/shipments/" + v.Partner + "/" + v.TradeNo, "/bulk/1", "/bulk/preparing/x"} {
		if p := nobody.get(path); p.status != http.StatusSeeOther || !strings.HasPrefix(p.location, "/login?to=") {
			t.Errorf("%s: %d %s", path, p.status, p.location)
		}
	}
	p := look.look(casePath(v))
	p.says("已经发货", v.TradeNo)
	if strings.Contains(p.body, `action="/dead/`) {
		t.Error("a viewer is offered acts")
	}
	lines, err := s.book.Audit(t.Context(), ledger.AuditFilter{TradeNo: v.TradeNo}, 10)
	must(t, err)
	if s.row(v).Version != row.Version || len(lines) != 0 {
		t.Error("something was done")
	}
	wang := s.as("wang", "zh")
	for path, bad := range map[string]url.Values{casePath(v) + "/send": {}, casePath(v) + "/fly": form} {
		wang.post(path, bad).want(http.StatusBadRequest)
	}
	wang.post("/dead/"+v.Partner+"/1234/close", form).want(http.StatusNotFound)
	wang.get("/dead/" + v.Partner + "/1234").want(http.StatusNotFound)
}

// An act leads back to its own case, wherever the form says it came from.
func TestAnActLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	v := parcel(1)
	row := s.die(v, refused(ledger.FoundWaiting, ""))
	wang := s.as("wang", "zh")
	for _, back := range []string{"https://evil.example/", "//evil.example", "/dead/2088000000000002/1", casePath(v) + "9", "/logout"} {
		p := wang.post(casePath(v)+"/note", url.Values{"version": {strconv.FormatInt(row.Version, 10)}, "note": {back}, "back": {back}})
		if p.status != http.StatusSeeOther || p.location != casePath(v) {
			t.Errorf("%s leads to %s", back, p.location)
		}
	}
	for _, from := range []string{"https://evil.example/", "//evil.example", "javascript:alert(1)", `\\evil.example`} {
		wang.look(casePath(v)+"?from="+url.QueryEscape(from)).saysNot(`href="https://evil`, `href="//evil`, `href="javascript`, `href="\\evil`)
	}
}

// When it will be called is said while somebody can say it.
func TestWhenItWillBeCalled(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.serve("worker-1", partner)
	v, held := parcel(1), parcel(2)
	held.Partner = "2088000000000002"
	s.accept(v, held)
	must1(s.book.SetHold(t.Context(), held.Partner, "ILLEGAL_SIGN", "a ship call was refused", "worker-1"))
	wang := s.as("wang", "zh")
	wang.look(casePath(v)).says("预计最迟调用时间： " + time.Now().In(beijing.Zone).Format("2006-")) // the day may change meanwhile
	p := wang.look(casePath(held))
	p.says("该商户已冻结", "签名不正确（ILLEGAL_SIGN）")
	if strings.Contains(p.text(), "预计最迟调用时间") {
		t.Error("a time is given for an account on hold")
	}
}
