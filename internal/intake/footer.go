package intake

import (
	"errors"
	"io"
	"regexp"
	"strings"

	"fahuo/internal/shipment"
)

// maxFooter is how many rows a footer has at most.
const maxFooter = 20

var (
	// note is how the lines begin that exports put around a table. A # alone is none: order numbers begin with it.
	note = regexp.MustCompile(`(?i)^(#\s*(\p{Han}|-|=|$)|-{3,}|={3,}|共\s*\d+\s*(笔|条|行|件|票|单)|(合|总|小)计|汇总|` +
		`(已|待)?(收入|支出)(合计|金额)?\s*[:：]|导出(时间|日期|人)|制表|打印(时间|日期)|用户\s*[:：]|(total|sum)\s*([:：]|$))`)
	amount = regexp.MustCompile(`^[+\-¥￥]?\s*[\d.,]+\s*(元|笔|条|行|件|票|单)?$`)
	// tradeLike is what might be a trade number, or has been one: a row that holds it is never left out.
	tradeLike = regexp.MustCompile(`\d{15}|\d[eE]\+?\d`)
)

// footer tells whether a row may be what an export writes below its table: its first value is a line of notes (合计,
// 导出时间, #…, -----), anything beside that is an amount, neither trade_no nor invoice_no has a value of its own, and nothing in
// it could be a trade number.
func (h header) footer(rec record) bool {
	if rec.fault != "" || h.line == 0 {
		return false
	}
	first := -1
	for i, cell := range rec.cells {
		value := shipment.Unwrap(cell)
		switch {
		case value == "":
		case tradeLike.MatchString(value):
			return false
		case first < 0:
			if first = i; !note.MatchString(value) {
				return false
			}
		case h.is(i, shipment.FieldTradeNo), h.is(i, shipment.FieldInvoiceNo), !amount.MatchString(value) && !note.MatchString(value):
			return false
		}
	}
	return first >= 0
}

// body reads the rows below a header down to the footer. What looks like a footer and has other rows below it is none.
type body struct {
	rows
	header header
	ready  []record // read ahead
	footer []record // what was left out, known at the end
	// The template's example was met, and passed over.
	example bool
}

func (b *body) next() (record, error) {
	if len(b.ready) > 0 {
		rec := b.ready[0]
		b.ready = b.ready[1:]
		return rec, nil
	}
	var held []record
	for {
		rec, err := b.rows.next()
		switch {
		case errors.Is(err, io.EOF):
			b.footer = append(b.footer, held...)
			return record{}, io.EOF
		case err != nil:
			return record{}, err
		case b.header.example(rec):
			b.example = true
		case b.header.footer(rec) && len(held) < maxFooter:
			held = append(held, rec)
		case len(held) > 0:
			b.ready = append(held[1:], rec)
			return held[0], nil
		default:
			return rec, nil
		}
	}
}

// said is the footer as a person reads it, by lines.
func (b *body) said() []string {
	lines := make([]string, len(b.footer))
	for i, rec := range b.footer {
		lines[i] = strings.Join(strings.Fields(strings.Join(rec.cells, " ")), " ")
	}
	return lines
}
