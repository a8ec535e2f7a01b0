package intake

import (
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

func all(t testing.TB, text string, delimiter byte) (found []record) {
	t.Helper()
	rows := newRecords(strings.NewReader(text), delimiter)
	for {
		rec, err := rows.next()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, rec)
	}
}

func TestRecords(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		want []record
	}{
		"plain":             {"a,b\nc,d", []record{{line: 1, cells: []string{"a", "b"}}, {line: 2, cells: []string{"c", "d"}}}},
		"CRLF":              {"a,b\r\nc,d\r\n", []record{{line: 1, cells: []string{"a", "b"}}, {line: 2, cells: []string{"c", "d"}}}},
		"blank rows":        {"\na\n ,\t,\r\n\nb\n", []record{{line: 2, cells: []string{"a"}}, {line: 5, cells: []string{"b"}}}},
		"quotes":            {"\"a,\"\"x\",\"\",b\n", []record{{line: 1, cells: []string{`a,"x`, "", "b"}}}},
		"formula":           {`="1",2` + "\n", []record{{line: 1, cells: []string{`="1"`, "2"}}}},
		"several lines":     {"a,\"x\ny\",b\nc\n", []record{{line: 1, cells: []string{"a", "x\ny", "b"}}, {line: 3, cells: []string{"c"}}}},
		"never closed":      {"a\nb,\"c\nd,e\nf\n", []record{{line: 1, cells: []string{"a"}}, {line: 2, cells: []string{`b,"c`}, fault: "never closed"}, {line: 3, cells: []string{"d", "e"}}, {line: 4, cells: []string{"f"}}}},
		"closed by a later": {"b,\"c\nd,\"e\nf\n", []record{{line: 1, cells: []string{`b,"c`}, fault: "in the middle"}, {line: 2, cells: []string{`d,"e`}, fault: "never closed"}, {line: 3, cells: []string{"f"}}}},
		"quote in quotes":   {"\"a\"b,c\nd\n", []record{{line: 1, cells: []string{`"a"b,c`}, fault: "in the middle"}, {line: 2, cells: []string{"d"}}}},
	} {
		got := all(t, c.text, ',')
		if !slices.EqualFunc(got, c.want, func(a, b record) bool {
			return a.line == b.line && slices.Equal(a.cells, b.cells) && (a.fault != "") == (b.fault != "") && strings.Contains(a.fault, b.fault)
		}) {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}

// A quote that is never closed costs one row, not the megabyte behind it, and not the time to read that
// again and again.
func TestOpenQuoteInALongFile(t *testing.T) {
	t.Parallel()
	got := all(t, "a,\"b\n"+strings.Repeat("c,d\n", 500_000), ',')
	if len(got) != 500_001 || got[0].fault == "" || got[500_000].line != 500_001 {
		t.Errorf("%d records, the last %+v", len(got), got[len(got)-1])
	}
}

// FuzzReadCSV compares with encoding/csv wherever that is as strict, and demands of everything else that
// no line is lost and nothing panics.
func FuzzReadCSV(f *testing.F) {
	for _, seed := range []string{
		"", "a,b\n", "a,\"b\nc\",d\n", "\"\"\"\",x\r\n", "a,\"b", "\"a\"b\n", "=\"1\",2\n", "\xEF\xBB\xBFa\n", "\x00\n", "a;b\tc\n", "\r\n\r", "交易号,物流公司\n1,\"顺\"\"丰\"\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := all(t, text, ',')
		last := int64(0)
		for _, rec := range got {
			if rec.line <= last || len(rec.cells) == 0 {
				t.Fatalf("record %+v after line %d", rec, last)
			}
			last = rec.line
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

// FuzzOpen reads any bytes as a file: it is opened or refused, and never more than that.
func FuzzOpen(f *testing.F) {
	for _, seed := range []string{head + "1,2\n", "PK\x03\x04", "\xff\xfe", gb(f, head), "trade_no,logistics_name\n1,\xff\n", "trade_no;logistics_name\n\"", ""} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		source, err := Open(Stdin, strings.NewReader(string(content)))
		if err != nil {
			return
		}
		defer func() {
			if err := source.Close(); err != nil {
				t.Error(err)
			}
		}()
		rows, err := source.rows()
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			var rec record
			if rec, err = rows.next(); err == nil {
				_, _ = reader{header: source.header}.shipment(rec)
			}
		}
	})
}
