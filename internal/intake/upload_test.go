package intake

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
)

// Whoever has an upload and no path gets the refused rows as bytes, after a dry run that says the same; nothing is
// written beside anything.
func TestUpload(t *testing.T) {
	book := openBook(t, partner)
	content, err := os.ReadFile("testdata/excelize.xlsx")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	source, err := OpenReader("../a/b.xlsx", bytes.NewReader(content), OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var sums []Summary
	var csv, xlsx bytes.Buffer
	for _, dry := range []bool{true, false} {
		csv.Reset()
		xlsx.Reset()
		sum, err := Import(t.Context(), book, source, Options{Batch: "b", DryRun: dry, Refused: func(r *Refused) error {
			if r.Name != "b.xlsx" || r.Len() == 0 {
				t.Errorf("got %s, %d", r.Name, r.Len())
			}
			return errors.Join(r.WriteCSV(&csv), r.WriteXLSX(&xlsx))
		}})
		if err != nil || sum.RejectedFile != nil || sum.RejectedXLSX != nil {
			t.Errorf("%+v, %v", sum, err)
		}
		sums = append(sums, sum)
	}
	if a, b := sums[0], sums[1]; a.Accepted != b.Accepted || a.Rejected != b.Rejected || a.Accepted == 0 {
		t.Errorf("dry %+v, wet %+v", a, b)
	}
	if err := source.Close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir("."); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	for name, refused := range map[string]*bytes.Buffer{"csv": &csv, "xlsx": &xlsx} {
		again, err := OpenReader("again", refused, OpenOptions{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		sum, err := Import(t.Context(), book, again, Options{Batch: "b", Refused: func(*Refused) error { return nil }})
		if err := errors.Join(err, again.Close()); err != nil || sum.Rejected != sums[1].Rejected || sum.Accepted != 0 {
			t.Errorf("%s, uncorrected: %+v, %v", name, sum, err)
		}
		for i, r := range sum.Rejections {
			if r.Field != sums[1].Rejections[i].Field {
				t.Errorf("%s: %+v was refused for %+v", name, r, sums[1].Rejections[i])
			}
		}
	}
}

// The refused rows of a workbook are in a workbook, too, all as text; corrected there they are taken, and its notes are no
// columns.
func TestRejectedWorkbook(t *testing.T) {
	t.Parallel()
	book := openBook(t, partner)
	path := fixture(t, "libreoffice.xlsx")
	sum := imported(t, book, path, Options{})
	if sum.RejectedXLSX == nil || *sum.RejectedXLSX != path+".rejected.xlsx" || *sum.RejectedFile != path+".rejected.csv" {
		t.Fatalf("got %+v", sum)
	}
	if again := imported(t, book, path, Options{}); again.OlderRejectedFile != nil {
		t.Errorf("the same refusals are no other file: %s", *again.OlderRejectedFile)
	}
	correct(t, *sum.RejectedXLSX)
	var warned string
	again := imported(t, book, *sum.RejectedXLSX, Options{Warn: func(m Warning) { warned += m.String() }})
	if again.Accepted != sum.Rejected || again.Refused() || strings.Contains(warned, "reason") {
		t.Errorf("corrected: %+v, %s", again, warned)
	}
}

// correct types good values into every row of a file of refused rows, as a clerk does.
func correct(t testing.TB, path string) {
	t.Helper()
	f, err := excelize.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := f.GetRows("Sheet1")
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows[1:] {
		row := i + 2
		for column, value := range map[int]string{2: trade(500 + i), 3: "顺丰", 4: "00123", 5: "快递"} {
			at, err := excelize.CoordinatesToCellName(column, row)
			if err != nil {
				t.Fatal(err)
			}
			style, err := f.GetCellStyle("Sheet1", at)
			if err != nil {
				t.Fatal(err)
			}
			if s, err := f.GetStyle(style); err != nil || s.NumFmt != asText {
				t.Errorf("%s is no text: %+v, %v", at, s, err)
			}
			if err := f.SetCellStr("Sheet1", at, value); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(f.Save(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

// The template's columns are known and text, its choice of transport is a list, and imported as it is it ships nothing.
func TestTemplate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "template.xlsx")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(WriteTemplate(out), out.Close()); err != nil {
		t.Fatal(err)
	}
	book := openBook(t, partner)
	sum, err := importInto(t.Context(), t, book, path, Options{})
	if err == nil || !strings.Contains(err.Error(), "has a header and no rows") || sum.Accepted+sum.Rejected > 0 {
		t.Errorf("as it is: %+v, %v", sum, err)
	}
	f, err := excelize.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lists, err := f.GetDataValidations(templateSheet)
	if err != nil || len(lists) != 2 || lists[0].Sqref != "D2:D20001" || lists[0].Formula1 != `"快递,平邮,EMS,无需物流"` {
		t.Errorf("got %+v, %v", lists, err)
	}
	for _, column := range []string{"A", "F"} {
		style, err := f.GetColStyle(templateSheet, column)
		if err != nil {
			t.Fatal(err)
		}
		if s, err := f.GetStyle(style); err != nil || s.NumFmt != asText {
			t.Errorf("column %s is no text: %+v, %v", column, s, err)
		}
	}
	row := []any{trade(1), "顺丰", "0012", "无需物流", "", "是"}
	if err := f.SetSheetRow(templateSheet, "A3", &row); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Save(), f.Close()); err != nil {
		t.Fatal(err)
	}
	warned := ""
	sum = imported(t, book, path, Options{Warn: func(m Warning) { warned += m.String() }})
	if sum.Accepted != 1 || sum.Refused() || !strings.Contains(warned, "the template's example row was passed over") {
		t.Errorf("filled in: %+v, %s", sum, warned)
	}
	if got := get(t, book, 1); got.InvoiceNo != "0012" || !got.Urgent || got.TransportType != "DIRECT" {
		t.Errorf("got %+v", got)
	}
	// Changed by one value, the example is a row, and refused.
	for at, value := range map[string]string{"A2": templateExample[0], "C2": "SF9"} {
		f, err := excelize.OpenFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(f.SetCellStr(templateSheet, at, value), f.Save(), f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if sum = imported(t, book, path, Options{}); sum.Already != 1 || sum.Rejected != 1 {
		t.Errorf("half an example: %+v", sum)
	}
}
