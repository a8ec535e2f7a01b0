package intake

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// tooMany imports a file that is nothing but refused rows behind some good ones, and demands that it is given up.
func tooMany(t *testing.T, path string, o Options) (sum Summary, refused *Refused) {
	t.Helper()
	o.Refused = func(r *Refused) error { refused = r; return nil }
	sum, err := importInto(t.Context(), t, openBook(t, partner), path, o)
	if err == nil || len(Faults(err)) != 1 || !strings.Contains(err.Error(), "is this the right file?") {
		t.Fatalf("%+v, %v", sum, err)
	}
	return sum, refused
}

// sheetOf is a workbook of a header, a good row and n rows with a value in one column.
func sheetOf(t *testing.T, column string, n int) string {
	t.Helper()
	sound, err := os.ReadFile("testdata/onesheet.xlsx")
	if err != nil {
		t.Fatal(err)
	}
	text := func(at, value string) string {
		return `<c r="` + at + `" t="inlineStr"><is><t>` + value + `</t></is></c>`
	}
	var rows strings.Builder
	rows.WriteString(`<row r="1">` + text("A1", "交易号") + text("B1", "物流公司") + `</row>`)
	for i := range n {
		at := strconv.Itoa(i + 2)
		rows.WriteString(`<row r="` + at + `">` + text(column+at, "x") + `</row>`)
	}
	path := filepath.Join(t.TempDir(), "in.xlsx")
	sheet := `<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>` + rows.String() + `</sheetData></worksheet>`
	if err := os.WriteFile(path, replacePart(t, sound, "xl/worksheets/sheet2.xml", sheet), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// keysOf is a line with as many keys as are allowed, and n with one.
func keysOf(n int) string {
	var wide strings.Builder
	wide.WriteString(`{"trade_no":"1","logistics_name":"x"`)
	for i := range maxKeys - 2 {
		wide.WriteString(`,"` + trade(i) + `":1`)
	}
	return wide.String() + "}\n" + strings.Repeat(`{"trade_no":"1"}`+"\n", n)
}

// Of a file that is none, however long, a bounded part is kept.
func TestTooManyRefusedRows(t *testing.T) {
	t.Parallel()
	const most = 20
	for name, path := range map[string]string{
		"csv":           file(t, head+strings.Repeat("1\n", 10*most)),
		"xlsx":          sheetOf(t, "A", 10*most),
		"a far column":  sheetOf(t, "SF", 10*most),
		"json":          file(t, keysOf(10*most)),
		"all conflicts": file(t, head+trade(1)+",顺丰\n"+strings.Repeat(trade(1)+",圆通\n", 10*most)),
	} {
		for kind, limit := range map[string]refusedLimit{"rows": {most, 1 << 30}, "bytes": {1 << 30, 100_000}} {
			if kind == "bytes" && name != "a far column" {
				continue // the others are small
			}
			sum, refused := tooMany(t, path, Options{keep: limit})
			if refused.Len() == 0 || refused.Len() > most || len(sum.Rejections) != refused.Len() || sum.Rejected+sum.Conflicts <= refused.Len() {
				t.Errorf("%s, %s: %d are kept of %d", name, kind, refused.Len(), sum.Rejected+sum.Conflicts)
			}
		}
	}
}

// What was accepted before too many rows were refused stays.
func TestTooManyRefusedRowsAfterGoodOnes(t *testing.T) {
	t.Parallel()
	book := openBook(t, partner)
	limit := Options{Batch: "b", keep: refusedLimit{3, 1 << 20}}
	sum, err := importInto(t.Context(), t, book, file(t, many(chunk)+"x,x,x\nx,x,x\nx,x,x\nx,x,x\n"), limit)
	if err == nil || sum.Accepted != chunk || sum.Rejected != 4 || total(t, book) != chunk || sum.RejectedFile == nil {
		t.Errorf("%+v, %v", sum, err)
	}
	if b, err := book.Batch(t.Context(), "b"); err != nil || b.Rejected != 4 {
		t.Errorf("%+v, %v", b, err)
	}
	limit.Batch = "exactly"
	if sum := imported(t, book, file(t, many(1)+"x,x,x\nx,x,x\nx,x,x\n"), limit); sum.Rejected != 3 || sum.Already != 1 {
		t.Errorf("as many as are kept: %+v", sum)
	}
}

// Rows take no more than their last value needs, whatever others of the file have.
func TestRowsEndWithTheirLastValue(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{"json": file(t, keysOf(1)), "xlsx": sheetOf(t, "A", 1)} {
		found, _ := readAll(t, open(t, path))
		if last := found[len(found)-1]; len(last.cells) != 1 || cap(last.cells) > 1 {
			t.Errorf("%s: %d cells, %d held", name, len(last.cells), cap(last.cells))
		}
	}
}

// Notes are taken off a row of objects that ends among them, too.
func TestNotesOfARowThatEndsAmongThem(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	text := `{"trade_no":"x","logistics_name":"顺丰","line":"7","field":"trade_no","reason":"r"}` + "\n" + `{"trade_no":"y","logistics_name":"顺丰","line":"8"}` + "\n"
	imported(t, openBook(t, partner), file(t, text), Options{Refused: func(r *Refused) error { return r.WriteCSV(&out) }})
	if !strings.Contains(out.String(), "\ny,顺丰,2,trade_no,") || !strings.Contains(out.String(), "logistics_name,line,field,reason\n") {
		t.Errorf("got %s", out.String())
	}
}
