package intake

import (
	"strings"
	"testing"
)

// Alipay's own exports are read: titles above, totals below, tabs and backquotes around numbers, and no row of them is
// lost, one that begins as a footer does among them.
func TestAlipayExports(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		accepted int
		refused  map[int64]string
		footer   string
	}{
		"alipay.csv":       {2, map[int64]string{8: "rounded number", 9: "only digits are allowed"}, `"#订单金额合计：4笔，89.60元"`},
		"alipay-older.csv": {2, nil, `"已收入:0笔 0.00元"`},
		"gb18030.csv":      {1, nil, ""},
	} {
		book := openBook(t, partner)
		var warned strings.Builder
		sum := imported(t, book, fixture(t, name), Options{Warn: func(m Warning) { warned.WriteString(m.String()) }})
		if sum.Accepted != c.accepted || sum.Rejected != len(c.refused) {
			t.Errorf("%s: got %+v", name, sum)
		}
		for _, r := range sum.Rejections {
			if says := c.refused[r.Line]; says == "" || !strings.Contains(r.Reason, says) || r.Field != "trade_no" {
				t.Errorf("%s: refused %+v", name, r)
			}
		}
		if !strings.Contains(warned.String(), c.footer) {
			t.Errorf("%s: warned %q", name, warned.String())
		}
	}
}

// A footer is what stands below the last row and has nothing of a shipment. Everything else is a row, and refused if need
// be.
func TestFooters(t *testing.T) {
	t.Parallel()
	const columns = "交易号,物流公司,运单号,金额\n"
	good := func(n int) string { return trade(n) + ",顺丰,SF1,1\n" }
	for name, c := range map[string]struct {
		rows            string
		taken, rejected int
	}{
		"totals":                 {good(1) + "合计,,,12.50\n", 1, 0},
		"totals and a time":      {good(1) + "合计,,,12.50\n导出时间：2026-11-24\n", 1, 0},
		"a line":                 {good(1) + "-------\n共1笔记录\n", 1, 0},
		"in between":             {good(1) + "小计,,,1\n" + good(2) + "小计,,,1\n", 2, 1},
		"with a trade number":    {good(1) + "合计," + trade(2) + ",,\n", 1, 1},
		"with half a number":     {good(1) + "# 2.01E+27,,,\n", 1, 1},
		"with a waybill":         {good(1) + "合计,,SF2,\n", 1, 1},
		"an order number with #": {good(1) + "#1001,顺丰,,\n", 1, 1},
		"a text":                 {good(1) + "中通\n", 1, 1},
		"only a courier":         {good(1) + ",顺丰,,\n", 1, 1},
		"too many of them":       {good(1) + strings.Repeat("合计,,,1\n", maxFooter+1), 1, maxFooter + 1},
	} {
		sum := imported(t, openBook(t, partner), file(t, columns+c.rows), Options{})
		if sum.Accepted != c.taken || sum.Rejected != c.rejected {
			t.Errorf("%s: got %+v", name, sum)
		}
	}
}

// The header may stand below titles.
func TestTitlesAboveTheHeader(t *testing.T) {
	t.Parallel()
	sum := imported(t, openBook(t, partner), file(t, "双十一发货表,,\n\n制表：仓库;2026-11-23\n交易号;物流公司\n"+trade(1)+";顺丰\nx;顺丰\n"), Options{})
	if sum.Accepted != 1 || sum.Rejected != 1 || sum.Rejections[0].Line != 6 {
		t.Errorf("got %+v", sum)
	}
}

// What a spreadsheet has made of a value is refused in a text, too: a row that was refused in a workbook is refused again
// from its file of refused rows, which has nothing but texts.
func TestSpoiltTexts(t *testing.T) {
	t.Parallel()
	for row, want := range map[string]string{
		"1.23457E+27,顺丰,SF1,":                  "trade_no was turned",
		"2026112300001000000000000000,顺丰,SF1,": "trade_no is no number of Alipay's any more",
		trade(1) + ",#N/A,SF1,":                "logistics_name is the spreadsheet's error",
		trade(1) + ",TRUE,SF1,":                "logistics_name is the truth value",
		trade(1) + ",1,SF1,":                   "logistics_name is a number and no courier's name",
		trade(1) + ",顺丰,2026-11-23,":           "invoice_no is a date",
		trade(1) + ",顺丰,2026-11-23 10:00:00,":  "invoice_no is a date",
		trade(1) + ",顺丰,12.5,":                 "invoice_no was turned",
		trade(1) + ",顺丰,7.7E+13,":              "invoice_no was turned",
		trade(1) + ",顺丰,=B7,":                  "invoice_no is the formula",
		trade(1) + ",顺丰,SF1,1.2E+20":           "order_ref was turned",
		trade(1) + ",顺丰,SF1,2026-11-23":        "",
		trade(1) + ",顺丰,-1,FALSE":              "",
		trade(1) + ",顺丰,7E12,1.5":              "",
	} {
		sum := imported(t, openBook(t, partner), file(t, "交易号,物流公司,运单号,订单号\n"+row+"\n"), Options{})
		field, says, _ := strings.Cut(want, " ")
		switch {
		case want == "" && sum.Accepted == 1:
		case want == "" || len(sum.Rejections) != 1 || sum.Rejections[0].Field != field || !strings.Contains(sum.Rejections[0].Reason, says):
			t.Errorf("%s: got %+v, want %q", row, sum, want)
		}
	}
}
