package intake

import (
	"errors"
	"io"
	"slices"

	"github.com/xuri/excelize/v2"

	"fahuo/internal/shipment"
)

// What the template for clerks is made of. Its example says in the place of the trade number that it is one: no import
// takes that for a shipment, and one that is left as it is, is passed over.
var (
	templateHeader  = []string{"交易号", "物流公司", "运单号", "运输方式", "订单号", "加急"}
	templateFields  = []string{shipment.FieldTradeNo, shipment.FieldLogisticsName, shipment.FieldInvoiceNo, shipment.FieldTransportType, shipment.FieldOrderRef, fieldUrgent}
	templateExample = []string{"示例：28位交易号，请删除本行 (example, delete this row)", "顺丰速运", "SF1000000001", "快递", "A-1001", "否"}
	templateChoices = map[string][]string{"运输方式": {"快递", "平邮", "EMS", "无需物流"}, "加急": {"否", "是"}}
	templateNotes   = []string{
		"说明 / Notes",
		"1. 请在「发货」表中填写，每行一个包裹；第二行是示例，请删除。One row per parcel in the sheet 发货; delete the example in row 2.",
		"2. 所有列都是文本格式，请勿改为数字，否则长号码的末尾数字会丢失。All columns are text: as numbers they lose their last digits.",
		"3. 粘贴时请用「选择性粘贴 → 数值」。Paste as values, so that the cells stay text.",
		"4. 首列填写支付宝的28位（或16位）号码，不是商家自己的订单号。The first column takes Alipay's number, not the shop's own.",
		"5. 无需物流时物流公司可留空。Only 无需物流 (DIRECT) goes without a courier.",
		"6. 保存为 xlsx 后用 enqueue file 导入，或在发货页面上传。Save as xlsx and import it.",
	}
)

const (
	templateSheet = "发货"
	notesSheet    = "说明"
	templateRows  = 20_000 // for how many rows there is a drop-down
)

// WriteTemplate writes an empty workbook for clerks: columns of text, drop-downs, an example, and a sheet of notes.
func WriteTemplate(out io.Writer) (err error) {
	book := excelize.NewFile()
	defer func() { err = errors.Join(err, book.Close()) }()
	text, err := book.NewStyle(&excelize.Style{NumFmt: asText})
	if err != nil {
		return err
	}
	bold, err := book.NewStyle(&excelize.Style{NumFmt: asText, Font: &excelize.Font{Bold: true}})
	if err != nil {
		return err
	}
	grey, err := book.NewStyle(&excelize.Style{NumFmt: asText, Font: &excelize.Font{Italic: true, Color: "808080"}})
	if err != nil {
		return err
	}
	if err := book.SetSheetName("Sheet1", templateSheet); err != nil {
		return err
	}
	last, err := excelize.ColumnNumberToName(len(templateHeader))
	if err != nil {
		return err
	}
	err = errors.Join(
		book.SetColStyle(templateSheet, "A:"+last, text), book.SetColWidth(templateSheet, "A", last, 16),
		book.SetColWidth(templateSheet, "A", "A", 34),
		book.SetSheetRow(templateSheet, "A1", &templateHeader), book.SetCellStyle(templateSheet, "A1", last+"1", bold),
		book.SetSheetRow(templateSheet, "A2", &templateExample), book.SetCellStyle(templateSheet, "A2", last+"2", grey),
		book.SetPanes(templateSheet, &excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}),
		addChoices(book), addNotes(book),
	)
	if err != nil {
		return err
	}
	return book.Write(out)
}

func addChoices(book *excelize.File) error {
	for i, name := range templateHeader {
		if templateChoices[name] == nil {
			continue
		}
		top, err := excelize.CoordinatesToCellName(i+1, 2)
		if err != nil {
			return err
		}
		bottom, err := excelize.CoordinatesToCellName(i+1, templateRows+1)
		if err != nil {
			return err
		}
		choice := excelize.NewDataValidation(true)
		choice.SetSqref(top + ":" + bottom)
		choice.SetError(excelize.DataValidationErrorStyleStop, name, "请从列表中选择 / choose one of the list")
		if err := errors.Join(choice.SetDropList(templateChoices[name]), book.AddDataValidation(templateSheet, choice)); err != nil {
			return err
		}
	}
	return nil
}

// addNotes writes them into one column, one text to a row: no header is to be found there.
func addNotes(book *excelize.File) error {
	if _, err := book.NewSheet(notesSheet); err != nil {
		return err
	}
	return errors.Join(book.SetColWidth(notesSheet, "A", "A", 110), book.SetSheetCol(notesSheet, "A1", &templateNotes))
}

// example tells whether a row is the template's own, left as it was.
func (h header) example(rec record) bool {
	if rec.fault != "" {
		return false
	}
	values := make([]string, len(templateFields))
	for i, field := range templateFields {
		if at, ok := h.at[field]; ok && at < len(rec.cells) {
			values[i] = shipment.Unwrap(rec.cells[at])
		}
	}
	return slices.Equal(values, templateExample)
}
