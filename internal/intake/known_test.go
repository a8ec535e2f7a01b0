package intake

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"fahuo/internal/ledger"
)

// Twice the same is once; with other details it is a conflict that names both values.
func TestDuplicatesAndConflicts(t *testing.T) {
	t.Parallel()
	book := openBook(t, partner)
	const columns = "交易号,物流公司,运单号,订单号\n"
	sum := imported(t, book, file(t, columns+trade(1)+",顺丰,SF1,A\n"+trade(1)+", 顺丰 ,SF1,B\n"+trade(1)+",顺丰,SF2,A\n"), Options{})
	if sum.Accepted != 1 || sum.Already != 1 || sum.Conflicts != 1 || sum.Rejected != 0 {
		t.Errorf("got %+v", sum)
	}
	want := []Rejection{{Line: 4, TradeNo: trade(1), Field: "invoice_no", Reason: `invoice_no was "SF1" when this trade was accepted and is "SF2" now; what was accepted first stays`}}
	if !slices.Equal(sum.Rejections, want) {
		t.Errorf("got %+v, want %+v", sum.Rejections, want)
	}
	if sum = imported(t, book, file(t, columns+trade(1)+",顺丰,SF1,\n"), Options{Urgent: true}); sum.Already != 1 || sum.Refused() {
		t.Errorf("again: %+v", sum)
	}
	if got := get(t, book, 1); got.InvoiceNo != "SF1" || !got.Urgent {
		t.Errorf("got %+v", got)
	}
	sum = imported(t, book, file(t, columns+trade(1)+",圆通,SF3,\n"), Options{})
	says := `logistics_name was "顺丰" when this trade was accepted and is "圆通" now, invoice_no was "SF1" and is "SF3"; what was accepted first stays`
	if len(sum.Rejections) != 1 || sum.Rejections[0].Field != "logistics_name" || sum.Rejections[0].Reason != says {
		t.Errorf("got %+v, want %s", sum.Rejections, says)
	}
}

// Rows may be in many other batches: the first ten are named, the one with the most rows before all.
func TestAlreadyInOtherBatches(t *testing.T) {
	t.Parallel()
	book := openBook(t, partner)
	all := head
	for n := range 12 {
		row := trade(n+1) + ",顺丰\n"
		if n == 11 {
			row += trade(13) + ",顺丰\n"
		}
		all += row
		imported(t, book, file(t, head+row), Options{Batch: "b" + strconv.Itoa(n)})
	}
	sum := imported(t, book, file(t, all+trade(14)+",顺丰\n"), Options{Batch: "again"})
	if sum.Already != 13 || sum.Accepted != 1 || sum.Elsewhere != (Elsewhere{Rows: 13, Batches: 12}) || strings.Join(sum.AlreadyIn, " ") != "b11 b0 b1 b2 b3 b4 b5 b6 b7 b8" {
		t.Errorf("got %+v", sum)
	}
}

const other = "2088000000000002"

// U4: whose shipment a row is, by flag, column, variable, ledger.
func TestWhoseShipment(t *testing.T) {
	t.Parallel()
	const stranger = "2088000000000009"
	for name, c := range map[string]struct {
		announced []string
		o         Options
		column    string // "-": there is none
		want      string // the account; else what is said
	}{
		"flag":                           {[]string{partner, other}, Options{Partner: other}, "-", other},
		"flag before variable":           {[]string{partner, other}, Options{Partner: other, DefaultPartner: partner}, "", other},
		"column":                         {[]string{partner, other}, Options{DefaultPartner: partner}, other, other},
		"variable":                       {[]string{partner, other}, Options{DefaultPartner: other}, "", other},
		"the only one":                   {[]string{partner}, Options{}, "-", partner},
		"flag and column agree":          {[]string{partner}, Options{Partner: partner}, partner, partner},
		"flag and column disagree":       {[]string{partner, other}, Options{Partner: partner}, other, `is "2088000000000002" in the file, but the import is for 2088000000000001`},
		"nobody knows":                   {nil, Options{}, "-", "which account?"},
		"too many are known":             {[]string{partner, other}, Options{}, "-", "known are: 2088000000000001 shop 1, 2088000000000002 shop 2"},
		"too many, for a row":            {[]string{partner, other}, Options{}, "", "is missing; known are: 2088000000000001 shop 1"},
		"a strange flag":                 {[]string{partner}, Options{Partner: stranger}, "-", "--partner 2088000000000009: no worker has announced this account; known are: 2088000000000001 shop 1"},
		"a strange variable":             {[]string{partner}, Options{DefaultPartner: stranger}, "-", "ALIPAY_PARTNER 2088000000000009: no worker"},
		"a strange column":               {[]string{partner}, Options{}, stranger, "2088000000000009: no worker has announced this account"},
		"a wrong column":                 {[]string{partner}, Options{}, "123", `"123" is not 16 digits beginning with 2088`},
		"nobody announced, flag given":   {nil, Options{Partner: stranger}, "-", stranger},
		"nobody announced, column given": {nil, Options{}, stranger, stranger},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			book := openBook(t, c.announced...)
			content := "trade_no,logistics_name\n" + trade(1) + ",顺丰\n"
			if c.column != "-" {
				content = "trade_no,logistics_name,partner\n" + trade(1) + ",顺丰," + c.column + "\n"
			}
			warned := ""
			c.o.Warn = func(m Warning) { warned += m.String() }
			sum, err := importInto(t.Context(), t, book, file(t, content), c.o)
			if sum.Accepted == 1 {
				if got, err := book.PartnersIn(t.Context(), ledger.Scope{}); err != nil || len(got) != 1 || got[0] != c.want {
					t.Errorf("got %v, %v", got, err)
				}
				if (len(c.announced) == 0) != strings.Contains(warned, "no worker has announced an account") {
					t.Errorf("warned: %q", warned)
				}
				return
			}
			said := ""
			if len(sum.Rejections) == 1 && err == nil {
				said = sum.Rejections[0].Reason
			} else if errors.Is(err, ErrAccount) {
				said = err.Error()
			}
			if !strings.Contains(said, c.want) {
				t.Errorf("got %+v, %v", sum, err)
			}
		})
	}
}
