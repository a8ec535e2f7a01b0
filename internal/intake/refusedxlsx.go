package intake

import (
	"errors"
	"io"

	"github.com/xuri/excelize/v2"
)

// asText is the number format "@": a spreadsheet leaves alone what is typed into such a cell.
const asText = 49

// WriteXLSX writes the rows as a workbook in which every cell is text, so that long numbers survive being corrected.
func (r *Refused) WriteXLSX(out io.Writer) (err error) {
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
	stream, err := book.NewStreamWriter("Sheet1")
	if err != nil {
		return err
	}
	style, line := bold, 0
	err = r.Table(asSaid, func(cells []string) error {
		if line == 0 {
			if err := layOut(stream, len(cells), text); err != nil {
				return err
			}
		}
		line++
		at, err := excelize.CoordinatesToCellName(1, line)
		if err != nil {
			return err
		}
		values := make([]any, len(cells))
		for i, cell := range cells {
			if cell != "" { // its column is text
				values[i] = excelize.Cell{StyleID: style, Value: cell}
			}
		}
		style = text
		return stream.SetRow(at, values)
	})
	if err = errors.Join(err, stream.Flush()); err != nil {
		return err
	}
	return book.Write(out)
}

// layOut makes columns that can be read, in which what is added below is text, too. The reason is the widest.
func layOut(stream *excelize.StreamWriter, columns, text int) error {
	return errors.Join(
		stream.SetColWidth(1, columns, 20), stream.SetColWidth(columns, columns, 80), stream.SetColStyle(1, columns, text),
		stream.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}),
	)
}
