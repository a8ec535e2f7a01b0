package main

import (
	"fmt"
	"html"
	"strings"
)

// cell is what stands in a cell, and as what.
type cell struct {
	as    kind
	value string
}

type kind int

const (
	text kind = iota
	number
	padded // a number that is shown with zeros in front, ten digits wide
	date
	boolean
	failed  // an error
	formula // whose result is a text
	sum     // a formula whose result is a number
)

type row struct {
	cells  []cell
	hidden bool
	merged int // how many columns its first cell covers
}

func texts(values ...string) (cells []cell) {
	for _, v := range values {
		cells = append(cells, cell{text, v})
	}
	return cells
}

// parcel is a good row, but for one cell.
func parcel(n, column int, c cell) row {
	cells := texts(fmt.Sprintf("A-%d", 1000+n), trade(n), "顺丰速运", fmt.Sprintf("SF%d", n), "快递", "否", "", "")
	if column > 0 {
		cells[column-1] = c
	}
	return row{cells: cells}
}

func trade(n int) string { return fmt.Sprintf("202611230000100100000000%04d", n) }

// traps is the sheet that goes wrong in every way. The test knows its rows by number.
var traps = []row{
	1 - 1:  {cells: texts("双十一发货表"), merged: 6},
	2 - 1:  {cells: texts("制表：仓库 2026-11-23")},
	3 - 1:  {},
	4 - 1:  {cells: texts("订单号", "交易号", "物流公司", "运单号", "运输方式", "加急", "备注", "发货日期")},
	5 - 1:  {cells: append(parcel(5, 8, cell{date, "2026-11-23"}).cells, texts("", "旁注")...)},
	6 - 1:  {},
	7 - 1:  {cells: parcel(7, 4, cell{number, "7700012345678"}).cells, hidden: true},
	8 - 1:  parcel(8, 2, cell{number, trade(8)}),
	9 - 1:  parcel(9, 4, cell{number, "1234567890123456789"}),
	10 - 1: parcel(10, 4, cell{date, "2026-11-23"}),
	11 - 1: parcel(11, 3, cell{boolean, "true"}),
	12 - 1: parcel(12, 3, cell{failed, "#N/A"}),
	13 - 1: parcel(13, 2, cell{formula, trade(13)}),
	14 - 1: parcel(14, 6, cell{boolean, "true"}),
	15 - 1: parcel(15, 4, cell{sum, "7700012345679"}),
	16 - 1: parcel(16, 4, cell{number, "12.5"}),
	17 - 1: parcel(17, 4, cell{padded, "12345"}),
	18 - 1: parcel(18, 2, cell{text, "`" + trade(18)}),
	19 - 1: parcel(19, 2, cell{text, trade(19) + " \t"}),
	20 - 1: parcel(20, 1, cell{number, "123456"}),
	21 - 1: parcel(21, 5, cell{text, "飞机"}),
	22 - 1: parcel(22, 2, cell{}),
	23 - 1: {cells: append(texts("合计", "", "", "", "", ""), cell{number, "17"})},
	24 - 1: {cells: texts("导出时间：2026-11-24 10:00:00")},
}

// flat writes rows as a flat OpenDocument spreadsheet.
func flat(rows []row) string {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>
<office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0" xmlns:number="urn:oasis:names:tc:opendocument:xmlns:datastyle:1.0" xmlns:of="urn:oasis:names:tc:opendocument:xmlns:of:1.2" office:version="1.2" office:mimetype="application/vnd.oasis.opendocument.spreadsheet">
<office:automatic-styles>
<number:number-style style:name="N1"><number:number number:decimal-places="0" number:min-integer-digits="10"/></number:number-style>
<number:date-style style:name="N2"><number:year number:style="long"/><number:text>-</number:text><number:month number:style="long"/><number:text>-</number:text><number:day number:style="long"/></number:date-style>
<number:boolean-style style:name="N3"><number:boolean/></number:boolean-style>
<style:style style:name="truth" style:family="table-cell" style:data-style-name="N3"/>
<style:style style:name="padded" style:family="table-cell" style:data-style-name="N1"/>
<style:style style:name="date" style:family="table-cell" style:data-style-name="N2"/>
</office:automatic-styles>
<office:body><office:spreadsheet><table:table table:name="发货">
`)
	for _, r := range rows {
		b.WriteString(`<table:table-row`)
		if r.hidden {
			b.WriteString(` table:visibility="collapse"`)
		}
		b.WriteString(`>`)
		for i, c := range r.cells {
			span := ""
			if i == 0 && r.merged > 0 {
				span = fmt.Sprintf(` table:number-columns-spanned="%d" table:number-rows-spanned="1"`, r.merged)
			}
			b.WriteString(flatCell(c, span))
		}
		if len(r.cells) == 0 {
			b.WriteString(`<table:table-cell/>`)
		}
		b.WriteString("</table:table-row>\n")
	}
	b.WriteString(`</table:table></office:spreadsheet></office:body></office:document>`)
	return b.String()
}

func flatCell(c cell, span string) string {
	value := html.EscapeString(strings.ReplaceAll(c.value, "\t", ""))
	switch c.as {
	case number:
		return `<table:table-cell office:value-type="float" office:value="` + value + `"` + span + `/>`
	case padded:
		return `<table:table-cell table:style-name="padded" office:value-type="float" office:value="` + value + `"` + span + `/>`
	case date:
		return `<table:table-cell table:style-name="date" office:value-type="date" office:date-value="` + value + `"` + span + `/>`
	case boolean:
		return `<table:table-cell table:style-name="truth" office:value-type="boolean" office:boolean-value="` + value + `"` + span + `/>`
	case failed:
		return `<table:table-cell table:formula="of:=NA()" office:value-type="string"` + span + `/>`
	case formula:
		return `<table:table-cell table:formula="of:=&quot;` + value[:8] + `&quot;&amp;&quot;` + value[8:] + `&quot;" office:value-type="string"` + span + `/>`
	case sum:
		return `<table:table-cell table:formula="of:=` + value + `+0" office:value-type="float" office:value="` + value + `"` + span + `/>`
	case text:
	}
	if value == "" {
		return `<table:table-cell` + span + `/>`
	}
	return `<table:table-cell office:value-type="string"` + span + `><text:p>` + value + `</text:p></table:table-cell>`
}
