package intake

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
)

// archiveOf is a zip file of the given parts.
func archiveOf(t testing.TB, parts map[string]string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, content := range parts {
		part, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Files that are no table which can be read are named for what they are, with the remedy, whatever they are called.
func TestOtherFilesAreNamed(t *testing.T) {
	t.Parallel()
	for name, says := range map[string]string{
		"libreoffice.xls": "is an old Excel file (xls); open it in a spreadsheet, save it as xlsx",
		"libreoffice.ods": "is an OpenDocument file (ods); open it",
		"libreoffice.pdf": "is a PDF",
		"page.xls":        "is a web page (HTML), whatever its name says; open it in a spreadsheet, save it as xlsx",
		"password.xlsx":   "is protected by a password; open it in a spreadsheet, save it without one",
		"noheader.xlsx":   `sheet "Sheet1": columns are missing: needed are trade_no`,
		"sheets.xlsx":     `has more than one sheet of shipments: "Sheet1", "退货"; name the one to import (--sheet NAME)`,
	} {
		_, err := Open(filepath.Join("testdata", name), nil, OpenOptions{})
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v, want it to say %q", name, err, says)
		}
	}
	for part, says := range map[string]string{
		"Index/Document.iwa": "Apple Numbers", "xl/workbook.bin": "xlsb", "word/document.xml": "is a Word", "in.csv": "is an archive (zip) and no workbook; unpack it",
		"xl/nothing": "is a damaged xlsx file",
	} {
		_, err := Open(file(t, archiveOf(t, map[string]string{part: "x"})), nil, OpenOptions{})
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v, want it to say %q", part, err, says)
		}
	}
}

// --format is held against the content; --sheet is for workbooks.
func TestFormatIsAsked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path string
		o    OpenOptions
		says string
	}{
		"csv for a workbook":   {"testdata/excelize.xlsx", OpenOptions{Format: CSV}, "is an Excel file (xlsx) or an archive, and no csv"},
		"jsonl for a workbook": {"testdata/excelize.xlsx", OpenOptions{Format: JSONLines}, "and no jsonl"},
		"xlsx for a text":      {"testdata/alipay.csv", OpenOptions{Format: XLSX}, "is no xlsx file"},
		"a sheet of a text":    {"testdata/alipay.csv", OpenOptions{Sheet: "x"}, "has no sheets"},
		"no such sheet":        {"testdata/sheets.xlsx", OpenOptions{Sheet: "x"}, `has no sheet "x"; it has "Sheet1", "退货", "隐藏", "说明"`},
		"a sheet of notes":     {"testdata/sheets.xlsx", OpenOptions{Sheet: "说明"}, `sheet "说明": columns are missing`},
		"jsonl for a csv":      {"testdata/alipay.csv", OpenOptions{Format: JSONLines}, "has no line that is a JSON object"},
	} {
		_, err := Open(c.path, nil, c.o)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want it to say %q", name, err, c.says)
		}
	}
	for _, f := range []Format{UnknownFormat, CSV, XLSX, JSONLines} {
		if got, err := ParseFormat(f.String()); err != nil || got != f {
			t.Errorf("%v: got %v, %v", f, got, err)
		}
	}
	if _, err := ParseFormat("doc"); err == nil {
		t.Error("doc is a format")
	}
}

// A sheet is the one that is named, hidden or not, or the only visible one with a header.
func TestSheets(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, sheet string
		want        int
	}{
		{"onesheet.xlsx", "", 1}, {"sheets.xlsx", "退货", 2}, {"sheets.xlsx", " sheet1 ", 1}, {"sheets.xlsx", "隐藏", 3},
	} {
		source, err := Open(filepath.Join("testdata", c.name), nil, OpenOptions{Sheet: c.sheet})
		if err != nil {
			t.Fatal(err)
		}
		found, _ := readAll(t, source)
		if len(found) != 1 || found[0].cells[1] != "202611230000100100000000000"+strconv.Itoa(c.want) || source.Format != XLSX {
			t.Errorf("%+v: got %+v", c, found)
		}
		if err := source.Close(); err != nil {
			t.Error(err)
		}
	}
}

// What a workbook unpacks to is bounded, and nothing of it is left on the disk.
func TestWorkbookBombs(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	in := t.TempDir()
	sound, err := os.ReadFile("testdata/onesheet.xlsx")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ part, content, says string }{
		"pictures":       {"xl/media/image1.png", strings.Repeat("\x00", maxParts+1), "of pictures and other things"},
		"styles":         {"xl/styles.xml", strings.Repeat(" ", maxXML+1), "of formatting (xl/styles.xml)"},
		"texts":          {"xl/sharedStrings.xml", "<sst>" + strings.Repeat("<si/>", manyTexts+1) + "</sst>", "different texts"},
		"prefixed texts": {"xl/sharedStrings.xml", "<x:sst>" + strings.Repeat("<x:si></x:si>", manyTexts+1) + "</x:sst>", "different texts"},
		"sheet":          {"xl/worksheets/sheet1.xml", "", "unpacks to more than 512 MiB"},
		"wide":           {"xl/worksheets/sheet2.xml", `<worksheet><sheetData><row r="1"><c r="XFD1"><v>1</v></c></row></sheetData></worksheet>`, "has a value in column 16384"},
		"cut off":        {"xl/worksheets/sheet2.xml", `<worksheet><sheetData><row r="1"><c r="A1"><v>1</v></c></row>`, "the sheet is damaged"},
		"long cell":      {"xl/worksheets/sheet2.xml", `<worksheet><sheetData><row r="1"><c r="A1" t="str"><v>` + strings.Repeat("1", 2*maxRecord), "longer than 1 MiB"},
		"long comment":   {"xl/worksheets/sheet2.xml", `<worksheet><sheetData><row r="1"><c r="A1"><v>1</v></c></row><!--` + strings.Repeat("<", 2*maxRecord), "longer than 1 MiB"},
		"out of order":   {"xl/worksheets/sheet2.xml", `<worksheet><sheetData><row r="2"/><row r="1"/></sheetData></worksheet>`, "stands behind row 2"},
	} {
		path := filepath.Join(in, "in.xlsx")
		if err := os.WriteFile(path, replacePart(t, sound, c.part, c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(path, nil, OpenOptions{})
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want it to say %q", name, err, c.says)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// replacePart writes a zip file anew with another content of one part.
func replacePart(t testing.TB, archive []byte, name, content string) []byte {
	t.Helper()
	old, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, part := range old.File {
		if part.Name == name {
			continue
		}
		if err := w.Copy(part); err != nil {
			t.Fatal(err)
		}
	}
	header := zip.FileHeader{Name: name, Method: zip.Deflate, UncompressedSize64: maxUnpacked + 1} // as a bomb states it
	create := w.CreateRaw
	if content != "" {
		create = w.CreateHeader
	}
	part, err := create(&header)
	if err == nil {
		_, err = part.Write([]byte(content))
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Rows that are empty and styled, as many as a sheet has, cost their time and no memory.
func TestAMillionEmptyRows(t *testing.T) {
	t.Parallel()
	sound, err := os.ReadFile("testdata/onesheet.xlsx")
	if err != nil {
		t.Fatal(err)
	}
	rows := `<row r="1"><c r="A1" t="inlineStr"><is><t>交易号</t></is></c><c r="B1" t="inlineStr"><is><t>物流公司</t></is></c></row>` +
		`<row r="2"><c r="A2" t="inlineStr"><is><t>` + trade(1) + `</t></is></c><c r="B2" t="inlineStr"><is><t>顺丰</t></is></c></row>` +
		strings.Repeat(`<row><c s="1"/></row>`, excelize.TotalRows-3) + `<row r="1048576"><c r="A1048576"><v>7</v></c></row>`
	path := filepath.Join(t.TempDir(), "in.xlsx")
	sheet := `<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>` + rows + `</sheetData></worksheet>`
	if err := os.WriteFile(path, replacePart(t, sound, "xl/worksheets/sheet2.xml", sheet), 0o600); err != nil {
		t.Fatal(err)
	}
	sum := imported(t, openBook(t, partner), path, Options{})
	if sum.Accepted != 1 || sum.Rejected != 1 || sum.Rejections[0].Line != excelize.TotalRows {
		t.Errorf("got %+v", sum)
	}
}
