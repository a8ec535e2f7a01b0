package desk

import (
	"encoding/csv"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"

	"fahuo/internal/beijing"
)

// An export is the list that the page shows, whole: it is read a stretch at a time and written as it is read, so it
// takes the same memory however long it is. Numbers stay text, and nothing in it can become a formula.

// sheet is a list to be exported. Rows of next are written until it gives none.
type sheet struct {
	name   string   // of the file
	header []string // in the reader's words
	next   func() ([][]string, error)
	size   int64 // how many rows there are; -1: nobody has counted
}

const (
	exportStep  = 2000        // rows that are read at a time
	exportPause = time.Minute // how long a reader may take nothing
	sheetRows   = 1 << 20     // rows of an XLSX sheet, the header included
	cellLength  = 32_767      // characters of an XLSX cell
)

// errTooLong says that a list does not fit into an XLSX sheet.
var errTooLong = errors.New("more rows than a sheet has")

// export answers with a list as a file, CSV or XLSX as the path ends.
func (q *request) export(s sheet) error {
	write := q.writeCSV
	if strings.HasSuffix(q.URL.Path, ".xlsx") {
		write = q.writeXLSX
		if s.size >= q.d.sheetRows {
			return q.tooLong()
		}
	}
	rows, err := s.next() // what is wrong is a page, as long as nothing has been sent
	if err != nil {
		return err
	}
	err = write(s, rows)
	if errors.Is(err, errTooLong) {
		return q.tooLong()
	}
	if sent := new(sentError); errors.As(err, &sent) {
		q.d.o.Log.Error().Err(sent.error).Str("path", q.URL.Path).Str("user", q.user.Name).Msg("an export has been broken off")
		panic(http.ErrAbortHandler) // the browser sees a download that failed, not a file that ends early
	}
	return err
}

// sentError is an error after a part of the answer has been sent.
type sentError struct{ error }

func (e *sentError) Unwrap() error { return e.error }

// tooLong refuses an XLSX file that would have to leave rows out, and offers the CSV.
func (q *request) tooLong() error {
	csv := strings.TrimSuffix(q.URL.Path, ".xlsx") + ".csv"
	if q.URL.RawQuery != "" {
		csv += "?" + q.URL.RawQuery
	}
	return q.page(http.StatusRequestEntityTooLarge, "toolong", csv)
}

// attach begins the answer of a file.
func (q *request) attach(name, ending, kind string) {
	h := q.w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", `attachment; filename="fahuo-`+name+"-"+q.now.In(beijing.Zone).Format("20060102-150405")+ending+`"`)
}

// patient gives whoever reads an export time, as long as he reads: the server's own limit is for pages.
type patient struct {
	w http.ResponseWriter
	c *http.ResponseController
}

func newPatient(w http.ResponseWriter) patient {
	p := patient{w, http.NewResponseController(w)}
	p.wait()
	return p
}

func (p patient) wait() {
	_ = p.c.SetWriteDeadline(time.Now().Add(exportPause)) // where there are no deadlines, there is none to move
}

func (p patient) Write(b []byte) (int, error) {
	p.wait()
	return p.w.Write(b)
}

// writeCSV writes UTF-8 with a byte order mark and CRLF, as spreadsheets of Windows want it.
func (q *request) writeCSV(s sheet, rows [][]string) error {
	q.attach(s.name, ".csv", "text/csv; charset=utf-8")
	out := newPatient(q.w)
	if _, err := io.WriteString(out, "\ufeff"); err != nil {
		return &sentError{err}
	}
	w := csv.NewWriter(out)
	w.UseCRLF = true
	err := w.Write(s.header)
	for err == nil && len(rows) > 0 {
		for _, row := range rows {
			for i, cell := range row {
				row[i] = csvCell(cell)
			}
		}
		if err = w.WriteAll(rows); err == nil {
			rows, err = s.next()
		}
	}
	w.Flush()
	if err = errors.Join(err, w.Error()); err != nil {
		return &sentError{err}
	}
	return nil
}

// writeXLSX makes the whole file before it sends any of it: excelize keeps what is large on the disk.
func (q *request) writeXLSX(s sheet, rows [][]string) (err error) {
	out := newPatient(q.w)
	file := excelize.NewFile()
	defer func() { err = errors.Join(err, file.Close()) }()
	stream, err := file.NewStreamWriter("Sheet1")
	if err != nil {
		return err
	}
	if err := q.fillSheet(file, stream, s, rows, out); err != nil {
		return err
	}
	q.attach(s.name, ".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
	out.wait()
	if err := file.Write(out); err != nil {
		return &sentError{err}
	}
	return nil
}

func (q *request) fillSheet(file *excelize.File, stream *excelize.StreamWriter, s sheet, rows [][]string, out patient) error {
	text, err := file.NewStyle(&excelize.Style{NumFmt: 49}) // "@", text
	if err != nil {
		return err
	}
	bold, err := file.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}, NumFmt: 49})
	if err != nil {
		return err
	}
	for i, head := range s.header {
		width := 22.0
		if head == q.lang.text("col.trade_no") {
			width = 32 // 28 digits are seen whole
		}
		if err := stream.SetColWidth(i+1, i+1, width); err != nil {
			return err
		}
	}
	err = stream.SetPanes(&excelize.Panes{
		Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft",
	})
	if err != nil {
		return err
	}
	cells := make([]any, len(s.header))
	line := int64(0)
	put := func(row []string, style int) error {
		if line++; line > q.d.sheetRows {
			return errTooLong
		}
		for i, value := range row {
			cells[i] = excelize.Cell{StyleID: style, Value: xlsxCell(value)}
		}
		at, err := excelize.CoordinatesToCellName(1, int(line))
		if err != nil {
			return err
		}
		return stream.SetRow(at, cells[:len(row)])
	}
	if err := put(s.header, bold); err != nil {
		return err
	}
	for len(rows) > 0 {
		for _, row := range rows {
			if err := put(row, text); err != nil {
				return err
			}
		}
		out.wait()
		if rows, err = s.next(); err != nil {
			return err
		}
	}
	return stream.Flush()
}

// harmless takes the meaning away from what a spreadsheet would read as a formula, also in the wide letters that some
// of them take for the narrow ones. Our own import takes the ' off again.
func harmless(value string) string {
	value = strings.ToValidUTF8(value, "\ufffd")
	if first, _ := utf8.DecodeRuneInString(value); value != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", first) {
		return "'" + value
	}
	return value
}

// beginnings are where a spreadsheet that parts CSV at other marks than commas would see a cell begin, and a formula.
var beginnings = regexp.MustCompile(`([;\t|]\s*)([=+\-@＝＋－＠])`)

// csvCell is a value as it stands in CSV: a spreadsheet would round a long number, and takes one with a tab for text.
// Alipay's own exports do the same, and our import takes it off again.
func csvCell(value string) string {
	value = beginnings.ReplaceAllString(harmless(value), "$1'$2")
	if numeric(value) && (len(value) >= 12 || value[0] == '0' || strings.ContainsAny(value, "eE")) {
		return value + "\t"
	}
	return value
}

// numeric tells whether a spreadsheet would read a value as a number: digits, or digits with an exponent.
func numeric(value string) bool {
	exponent := false
	for i := range len(value) {
		switch c := value[i]; {
		case c >= '0' && c <= '9':
		case (c == 'e' || c == 'E') && !exponent && i > 0 && i < len(value)-1:
			exponent = true
		default:
			return false
		}
	}
	return len(value) > 1
}

// xlsxCell is a value as it stands in a cell, which is text by type and format.
func xlsxCell(value string) string {
	value = harmless(value)
	if utf8.RuneCountInString(value) > cellLength {
		return string([]rune(value)[:cellLength-1]) + "…"
	}
	return value
}
