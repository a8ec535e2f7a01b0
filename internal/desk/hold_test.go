package desk_test

import (
	"testing"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// Why an account is on hold is told by its kind, whatever the ledger's and the worker's English says.
func TestHoldsAreToldInTheReadersLanguage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.settle(s.acceptMany(partner, 1, ledger.SameDeaths), shipment.Dead)
	waiting := s.acceptMany(outlet, 101, 1)[0]
	refused := ledger.Move{To: shipment.Queued, HoldAccount: true, Code: "ILLEGAL_SIGN", Detail: "some English sentence"}
	must1(s.book.Settle(t.Context(), waiting, refused, "worker"))
	wang := s.as("wang", "zh")
	for _, path := range []string{"/", "/accounts", "/accounts/" + partner + "/release"} {
		p := wang.look(path)
		p.says("（连续 10 笔因此错误码被拒绝）")
		p.saysNot("in a row", "some English sentence")
	}
	wang.look("/accounts").says("签名不正确")
	for _, account := range []string{partner, outlet} {
		wang.follow(wang.submit(wang.look("/accounts/"+account+"/release"), "/accounts/"+account+"/release"))
	}
	trail := wang.look("/audit?act=release")
	trail.says("（连续 10 笔因此错误码被拒绝）（TRADE_NOT_EXIST）", "签名不正确（ILLEGAL_SIGN）")
	trail.saysNot("in a row", "some English sentence", "same_deaths", "query_refused")
	csv := wang.get("/audit.csv?act=release")
	csv.saysNot("in a row", "some English sentence", "same_deaths", "query_refused")
}

// A reason in somebody's own words is shown as he wrote it.
func TestAHoldInSomebodysWords(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	must1(s.book.SetHold(t.Context(), partner, ledger.HoldManual, "盘点，13800138000", "li"))
	s.as("look", "zh").look("/accounts").says("人工冻结", "「盘点，138****8000」")
}
