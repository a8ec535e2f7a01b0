package desk_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"fahuo/internal/desk"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// letters makes n dead letters that may be sent again, numbered from 1; found is what the last query says.
func (s *site) letters(n int, found ledger.Finding) (all []shipment.Shipment) {
	s.t.Helper()
	for i := range n {
		all = append(all, parcel(i+1))
	}
	s.accept(all...)
	s.change(`UPDATE shipments SET state = 'dead', version = 2, reason = 'retries_exhausted', error_code = 'RETRY', found = ?,
		settled_at = accepted_at + id, sent_attempts = 1`, string(found))
	return all
}

// ordered goes from the list over the preview: what is posted, and the preview's page and address.
func (b *browser) ordered(form url.Values) (*page, string) {
	b.t.Helper()
	p := b.post("/dead/bulk", form)
	if !strings.HasPrefix(p.location, "/bulk/") {
		b.t.Fatalf("%d, to %q: %s", p.status, p.location, p.text())
	}
	return b.follow(p), p.location
}

// over is the report of an act over many, once it is there.
func (b *browser) over(id string) *page {
	b.t.Helper()
	b.desk.Settled()
	return b.look(id)
}

func TestBulkSendAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	letters := s.letters(450, ledger.FoundWaiting)
	s.change(`UPDATE shipments SET found = 'shipped' WHERE trade_no IN (?, ?)`, letters[0].TradeNo, letters[1].TradeNo)
	s.serve("worker-1", partner)
	wang := s.as("wang", "zh")
	list := wang.look("/dead?reason=retries_exhausted")
	form := list.form("/dead/bulk")
	form.Set("all", "yes")
	form.Set("act", "send_again")
	start := time.Now()
	p, id := wang.ordered(form)
	p.says("符合条件 450 条", "可以处理 448 条", "不能处理 2 条", "已经发货，不能再次提交", letters[0].TradeNo, "旗舰店", "每 10 秒一笔", "确认重新提交 448 条", "原因 重试超时",
		"最后一条预计调用时间")
	// One every ten seconds: the last of 448 is called 4470 s after the account opens, which is open now.
	last := p.find(func(n *html.Node) bool { return n.Data == "time" })
	at, err := time.Parse(time.RFC3339, attr(last, "datetime"))
	const after = 447 * 10 * time.Second
	if earliest, latest := start.Add(after-time.Second), time.Now().Add(after); err != nil || at.Before(earliest) || at.After(latest) {
		t.Errorf("the last is called at %v (%v), not between %v and %v", at, err, earliest, latest)
	}
	if s.row(letters[2]).State != shipment.Dead {
		t.Fatal("a preview has done something")
	}
	// What changes after the preview, and what comes in, is left alone.
	must1(s.book.Assign(t.Context(), s.row(letters[9]), "li", "li"))
	late := parcel(1000)
	s.die(late, refused(ledger.FoundWaiting, ""))
	s.change(`UPDATE shipments SET reason = 'retries_exhausted', barred = 0 WHERE trade_no = ?`, late.TradeNo)
	for range 2 { // two clicks start it once
		wang.submit(p, id+"/run").want(http.StatusSeeOther)
	}
	report := wang.over(id)
	report.says("已重新提交 447 条", "其余 3 条未处理", "展示之后又有变化", letters[9].TradeNo, "预计在此之前调用完")
	if !strings.Contains(report.body, `href="/dead?reason=retries_exhausted"`) {
		t.Error("no way back to the list with its filter")
	}
	if !strings.Contains(report.body, `data-live=""`) {
		t.Error("the report is read again and again")
	}
	for _, v := range []shipment.Shipment{letters[9], letters[0], late} {
		if s.row(v).State != shipment.Dead {
			t.Errorf("%s was sent again", v.TradeNo)
		}
	}
	if row := s.row(letters[449]); row.State != shipment.Queued || row.Resent != 1 {
		t.Errorf("got %+v", row)
	}
	wang.look(casePath(letters[449])).says("重新提交", "批量操作 1")
}

func TestBulkCloseAndUndo(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	letters := s.letters(3, ledger.FoundWaiting)
	wang := s.as("wang", "zh")
	list := wang.look("/dead")
	form := list.form("/dead/bulk")
	form.Set("act", "close")
	form["id"] = []string{id(s.row(letters[0])), id(s.row(letters[2]))}
	ask := wang.post("/dead/bulk", form)
	ask.want(http.StatusOK)
	ask.says("标记已处理", "已勾选 2 条", "原因")
	wang.submit(ask, "/dead/bulk", "why", " ").want(http.StatusUnprocessableEntity)
	next := ask.form("/dead/bulk")
	next.Set("why", "买家已退款")
	p, address := wang.ordered(next)
	p.says("手动勾选 2 条", "符合条件 2 条", "确认将 2 条标记为已处理", "买家已退款")
	wang.submit(p, address+"/run").want(http.StatusSeeOther)
	report := wang.over(address)
	report.says("已将 2 条标记为已处理")
	if s.row(letters[0]).State != shipment.Closed || s.row(letters[1]).State != shipment.Dead {
		t.Error("not those that were picked")
	}
	must1(s.book.SendAgain(t.Context(), s.row(letters[2]), ledger.SendAgain{}, "li"))
	for range 2 {
		wang.submit(report, address+"/undo").want(http.StatusSeeOther)
	}
	wang.over(address).says("已撤销 1 条", "展示之后又有变化")
	if s.row(letters[0]).State != shipment.Dead || s.row(letters[2]).State != shipment.Queued {
		t.Error("not taken back as said")
	}
	// Only closing can be taken back.
	form.Set("act", "assign")
	form.Set("to", "li")
	_, other := wang.ordered(form)
	wang.post(other+"/undo", nil).want(http.StatusSeeOther)
	wang.look(other).says("预览，尚未执行")
}

func TestBulkAssign(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	letters := s.letters(3, "")
	wang := s.as("wang", "en")
	form := wang.look("/dead").form("/dead/bulk")
	form.Set("act", "assign")
	form.Set("all", "yes")
	ask := wang.post("/dead/bulk", form)
	ask.says("Everything that matches is meant", "wang", "li")
	wang.submit(ask, "/dead/bulk", "to", "look").want(http.StatusUnprocessableEntity) // a viewer can do nothing about it
	next := ask.form("/dead/bulk")
	next.Set("to", "li")
	p, address := wang.ordered(next)
	p.says("Assign 3", "li")
	wang.submit(p, address+"/run")
	wang.over(address).says("3 assigned")
	if s.row(letters[2]).Assignee != "li" {
		t.Error("not assigned")
	}
}

// While an account is on hold nobody can say when the last of its shipments will be called.
func TestBulkOfAnAccountOnHold(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.letters(2, ledger.FoundWaiting)
	must1(s.book.SetHold(t.Context(), partner, ledger.HoldManual, "stocktaking", "li"))
	wang := s.as("wang", "en")
	form := wang.look("/dead").form("/dead/bulk")
	form.Set("act", "send_again")
	form.Set("all", "yes")
	p, _ := wang.ordered(form)
	say := desk.Sentences("en")
	p.says(say["bulk.held"], say["bulk.no_last"])
	p.saysNot(say["bulk.last"])
}

func TestNothingPicked(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.letters(1, "")
	wang := s.as("wang", "zh")
	form := wang.look("/dead?q=1").form("/dead/bulk")
	form.Set("act", "close")
	p := wang.post("/dead/bulk", form)
	p.want(http.StatusUnprocessableEntity)
	p.says("没有选中任何记录")
	if !strings.Contains(p.body, `href="/dead?q=1"`) {
		t.Error("no way back")
	}
	for _, bad := range []url.Values{{"act": {"hold"}, "all": {"yes"}}, {"act": {"assign"}, "to": {"li"}, "id": {"x"}}, {"act": {"close"}, "all": {"yes"}, "filter": {"%zz"}}} {
		wang.post("/dead/bulk", bad).want(http.StatusBadRequest)
	}
	for _, path := range []string{"/bulk/99", "/bulk/x", "/bulk/preparing/none"} {
		wang.get(path).want(http.StatusNotFound)
		if !strings.Contains(path, "preparing") {
			wang.post(path+"/run", nil).want(http.StatusNotFound)
		}
	}
}

// Those that were picked and are dead letters no longer are told of.
func TestPickedAndGone(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	letters := s.letters(2, ledger.FoundWaiting)
	wang := s.as("wang", "zh")
	form := wang.look("/dead").form("/dead/bulk")
	form.Set("act", "send_again")
	form["id"] = []string{id(s.row(letters[0])), id(s.row(letters[1]))}
	must1(s.book.CloseCase(t.Context(), s.row(letters[1]), "x", "li"))
	p, _ := wang.ordered(form)
	p.says("符合条件 1 条", "有 1 条已不在待人工处理之列")
}

// What was begun and is in nobody's hands can be gone on with.
func TestBrokenOff(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	letters := s.letters(450, ledger.FoundWaiting)
	b, err := s.book.Preview(t.Context(), ledger.BulkOrder{Act: ledger.ActClose, Actor: "li", Argument: "x"})
	must(t, err)
	must(t, s.book.StartBulk(t.Context(), b.ID, false, "li"))
	must1(s.book.StepBulk(t.Context(), b.ID))
	wang := s.as("wang", "zh")
	address := "/bulk/" + strconv.FormatInt(b.ID, 10)
	p := wang.look(address)
	p.says("处理中断了", "200 / 450")
	if bar := p.find(func(n *html.Node) bool { return n.Data == "progress" }); attr(bar, "value") != "200" || attr(bar, "max") != "450" {
		t.Error("the bar does not show how far it is")
	}
	wang.submit(p, address+"/run").want(http.StatusSeeOther)
	wang.over(address).says("已将 450 条标记为已处理")
	if n := len(s.lines(letters[449], ledger.ActClose)); n != 1 {
		t.Errorf("closed %d times", n)
	}
}

// A preview that takes long is made beside the request; its page tells so, and then shows it.
func TestALongPreview(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.letters(3, ledger.FoundWaiting)
	s.desk.SetPatience(0)
	wang, li := s.as("wang", "zh"), s.as("li", "zh")
	release := s.lock()
	form := url.Values{"act": {"send_again"}, "all": {"yes"}, "filter": {""}}
	p := wang.post("/dead/bulk", form)
	if !strings.HasPrefix(p.location, "/bulk/preparing/") {
		t.Fatalf("%d, to %q", p.status, p.location)
	}
	wang.look(p.location).says("正在清点")
	li.get(p.location).want(http.StatusNotFound) // another's
	release()
	s.desk.Settled()
	wang.look(p.location).says("符合条件 3 条", "确认重新提交 3 条")
}

func id(r ledger.Row) string { return strconv.FormatInt(r.ID, 10) }

func must1[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
