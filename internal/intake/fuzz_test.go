package intake

import (
	"encoding/csv"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// substance is a text without what taking it apart removes: delimiters, quotes and blanks.
func substance(text string, delimiter byte) string {
	return strings.Map(func(r rune) rune {
		if r == rune(delimiter) || r == '"' || unicode.IsSpace(r) {
			return -1
		}
		return r
	}, text)
}

// kept is the substance of records, in their order: whatever stood in the file stands in one of them.
func kept(found []record, delimiter byte) string {
	var b strings.Builder
	for _, rec := range found {
		b.WriteString(substance(strings.Join(rec.cells, string(rune(delimiter))), delimiter))
	}
	return b.String()
}

func wide(rec record) bool { return rec.fault == tooWide }

// FuzzReadCSV compares with encoding/csv wherever that is as strict, and demands of everything else that
// no line is lost and nothing panics.
func FuzzReadCSV(f *testing.F) {
	for _, seed := range []string{
		"", "a,b\n", "a,\"b\nc\",d\n", "\"\"\"\",x\r\n", "a,\"b", "\"a\"b\n", "=\"1\",2\n", "\xEF\xBB\xBFa\n", "\x00\n", "a;b\tc\n", "\r\n\r", "交易号,物流公司\n1,\"顺\"\"丰\"\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := all(t, text)
		last := int64(0)
		for _, rec := range got {
			if rec.line <= last || len(rec.cells) == 0 {
				t.Fatalf("record %+v after line %d", rec, last)
			}
			last = rec.line
		}
		if slices.ContainsFunc(got, wide) {
			return // clipped
		}
		if kept(got, ',') != substance(text, ',') {
			t.Fatalf("something of %q is lost or twice in %+v", text, got)
		}
		if strings.Contains(text, "\r") {
			return // encoding/csv changes line ends within values; cells are kept as they are here
		}
		strict := csv.NewReader(strings.NewReader(text))
		strict.FieldsPerRecord = -1
		want, err := strict.ReadAll()
		if err != nil {
			return
		}
		want = slices.DeleteFunc(want, func(cells []string) bool { return record{cells: cells}.blank() })
		if !slices.EqualFunc(got, want, func(a record, b []string) bool { return slices.Equal(a.cells, b) }) {
			t.Fatalf("got %+v, encoding/csv %q", got, want)
		}
	})
}

// FuzzOpen reads any bytes as a file: it is refused as a whole, or each row of it becomes a shipment or is
// refused by name, nothing of it is lost, and what was refused can be corrected and read again.
func FuzzOpen(f *testing.F) {
	for _, seed := range []string{head + "1,2\n", "PK\x03\x04", "\xff\xfe", gb(f, head), "trade_no,logistics_name\n1,\xff\n", "trade_no;logistics_name\n\"", "", `{"trade_no":"1","logistics_name":2}`, "{\"trade_no\":1e99}\n{"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		source, err := Open(Stdin, strings.NewReader(string(content)), OpenOptions{})
		if err != nil {
			return
		}
		defer func() {
			if err := source.Close(); err != nil {
				t.Error(err)
			}
		}()
		rest := read(t, source)
		text := string(content)
		if source.Encoding == GB18030 {
			if text, err = simplifiedchinese.GB18030.NewDecoder().String(text); err != nil {
				t.Fatal(err)
			}
		}
		text = strings.TrimPrefix(text, string(bom))
		d := source.header.delimiter
		if got, want := kept(rest, d), substance(text, d); source.Format == CSV && got != want && !slices.ContainsFunc(rest, wide) {
			t.Fatalf("of %q was read %q", want, got)
		}
	})
}

// read takes every row of a file for a shipment or refuses it, and reads again what was refused. It returns all that
// stands in the file.
func read(t *testing.T, source *Source) []record {
	t.Helper()
	found, everything := readAll(t, source)
	var refusedRows []RefusedRow
	for _, rec := range found {
		s, fault := reader{header: source.header, accounts: accounts{fallback: partner}}.shipment(rec)
		switch {
		case fault == nil && s.Validate() != nil:
			t.Fatalf("%+v is taken, and is wrong: %v", rec, s.Validate())
		case fault != nil && (fault.Field == "" || fault.Reason == "" || rec.line < 1 || rec.line > source.Lines):
			t.Fatalf("%+v is refused without a name: %+v", rec, fault)
		case fault != nil:
			refusedRows = append(refusedRows, RefusedRow{
				Rejection: Rejection{Line: rec.line, TradeNo: s.TradeNo, Field: fault.Field, Reason: fault.Reason}, cells: rec.cells,
			})
		}
	}
	rereadRefused(t, source, refusedRows)
	return everything
}

// readAll reads every row of an opened file, and all that stands in it; neither fails, since the whole file has been
// looked at. What is no row stands above the header or below the last row.
func readAll(t *testing.T, source *Source) (found, everything []record) {
	t.Helper()
	body, err := source.rows()
	if err != nil {
		t.Fatal(err)
	}
	table, err := source.table.rows()
	if err != nil {
		t.Fatal(err)
	}
	found, everything = drain(t, body), drain(t, table)
	if n := len(everything); source.Format != JSONLines && n > len(found)+len(body.footer)+headerWithin {
		t.Fatalf("of %d rows %d are read and %d left out below", n, len(found), len(body.footer))
	}
	return found, everything
}

func drain(t *testing.T, in rows) (found []record) {
	t.Helper()
	for {
		rec, err := in.next()
		if errors.Is(err, io.EOF) {
			if err := in.close(); err != nil {
				t.Error(err)
			}
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, rec)
	}
}

// rereadRefused writes refused rows and reads the file again: every row is there, cells and notes.
func rereadRefused(t *testing.T, source *Source, rows []RefusedRow) {
	t.Helper()
	if len(rows) == 0 {
		return
	}
	path := filepath.Join(t.TempDir(), "refused.csv")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join((&Refused{header: source.header, list: rows}).WriteCSV(out), out.Close()); err != nil {
		t.Fatal(err)
	}
	again, err := Open(path, nil, OpenOptions{})
	if err != nil {
		t.Fatalf("the file of refused rows is refused itself: %v", err)
	}
	defer func() {
		if err := again.Close(); err != nil {
			t.Error(err)
		}
	}()
	back, _ := readAll(t, again)
	if len(back) != len(rows) {
		t.Fatalf("%d rows refused, %d read again", len(rows), len(back))
	}
	for i, rec := range back {
		want := source.header.original(rows[i].cells)
		if rec.fault != "" || len(rec.cells) < len(want) || !slices.Equal(rec.cells[:len(want)], want) {
			t.Fatalf("refused %q, read again %+v", want, rec)
		}
	}
}
