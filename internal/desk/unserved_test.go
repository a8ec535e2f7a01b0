package desk_test

import (
	"net/url"
	"strings"
	"testing"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// No page names a time by which something will be called while nobody is there to call.
func TestNoTimeWithoutAWorker(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	again := s.letters(3, ledger.FoundWaiting)
	s.accept(parcel(1001), parcel(1002))
	wang := s.as("wang", "zh")
	form := wang.look("/dead").form("/dead/bulk")
	form.Set("all", "yes")
	form.Set("act", "send_again")

	wang.look(casePath(parcel(1001))).saysNot("预计最迟调用时间")
	wang.look(casePath(parcel(1001))).says("没有正在运行的发货程序负责", "请通知管理员启动发货程序")
	wang.look("/batches?name=b1").says("旗舰店 …0001：没有运行中的发货程序负责")
	wang.look("/batches").says("没有发货程序负责")
	preview, id := wang.ordered(form)
	preview.says("可以处理 3 条", "无法预计全部调用完的时间")
	preview.saysNot("最后一条预计调用时间")
	wang.follow(wang.submit(preview, id+"/run"))
	report := wang.over(id)
	report.says("已重新提交 3 条", "无法预计全部调用完的时间")
	report.saysNot("预计在此之前调用完")

	end := s.serve("worker-1", partner)
	wang.look(casePath(parcel(1001))).says("预计最迟调用时间", "不需要操作，等待即可")
	wang.look("/batches?name=b1").saysNot("没有运行中的发货程序负责")
	wang.look("/batches").saysNot("没有发货程序负责")
	wang.look(id).says("预计在此之前调用完")

	// A worker that is there for another account is no help.
	end()
	s.serve("worker-2", "2088000000000009")
	wang.look("/batches").says("没有发货程序负责")
	if row := s.row(again[0]); row.State != shipment.Queued {
		t.Errorf("%s", row.State)
	}
}

// What Alipay has refused and a person sends again is not suspected to have been shipped; it is only queried first.
func TestSentAgainIsNotSuspected(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	v := s.letters(1, ledger.FoundWaiting)[0]
	wang := s.as("wang", "zh")
	p := wang.follow(wang.submit(wang.look(casePath(v)), casePath(v)+"/send"))
	p.says("已由人工重新提交", "系统会先查询")
	p.saysNot("可能已发货，待核实", "不知道结果")
	s.change(`UPDATE shipments SET failures = 1`)
	wang.look(casePath(v)).says("可能已发货，待核实")
}

// What a list cannot be narrowed by is said, and no chip claims that it is; what nothing matches finds nothing.
func TestFiltersThatCannotBeMet(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.letters(3, ledger.FoundWaiting)
	wang := s.as("wang", "zh")
	for _, list := range []string{"/dead", "/shipments", "/audit"} {
		p := wang.look(list + "?from=2026-13-45")
		p.says("2026-13-45 不是日期")
		p.saysNot("起始 2026-13-45", "起始日期 2026-13-45")
	}
	wang.look("/dead?from=2026-13-45").says("共 3 条")
	form := wang.look("/dead?from=2026-13-45").form("/dead/bulk")
	form.Set("all", "yes")
	form.Set("act", "send_again")
	preview, _ := wang.ordered(form)
	preview.says("符合条件 3 条")
	preview.saysNot("起始日期")
	wang.look("/shipments?state=lost").says("没有符合条件的记录", "状态 lost ×")
}

// The trail tells in words what an act over many was done over.
func TestTrailOfAnActOverMany(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.letters(3, ledger.FoundWaiting)
	wang := s.as("wang", "zh")
	for _, c := range []struct{ list, zh, en string }{
		{"/dead?reason=retries_exhausted&account=" + partner, "商户 旗舰店 …0001；原因 重试超时", "Account 旗舰店 …0001; Reason Retried in vain"},
		{"/dead", "全部待人工处理", "all dead letters"},
	} {
		form := wang.look(c.list).form("/dead/bulk")
		form.Set("all", "yes")
		form.Set("act", "assign")
		form.Set("to", "li")
		preview, id := wang.ordered(form)
		wang.follow(wang.submit(preview, id+"/run"))
		wang.over(id)
		wang.look("/audit").says(c.zh)
		wang.look("/audit").saysNot("reason=", " → –")
		s.as("look", "en").look("/audit").says(c.en)
		if csv := wang.do("GET", "/audit.csv", url.Values{}); !strings.Contains(csv.body, c.zh) {
			t.Errorf("the export says %s", csv.body)
		}
	}
}
