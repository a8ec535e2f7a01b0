package intake

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

// all reads a text's records, parted by commas.
func all(t testing.TB, text string) (found []record) {
	t.Helper()
	rows := &records{in: newLines(strings.NewReader(text)), split: splitter{delimiter: ',', most: maxColumns}}
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
		got := all(t, c.text)
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
	got := all(t, "a,\"b\n"+strings.Repeat("c,d\n", 500_000))
	if len(got) != 500_001 || got[0].fault == "" || got[500_000].line != 500_001 {
		t.Errorf("%d records, the last %+v", len(got), got[len(got)-1])
	}
}

// Nor do quotes that are never closed in every one of many lines: each costs its row, and not the time to
// read the rest of the file from there.
func TestOpenQuotesInEveryLine(t *testing.T) {
	t.Parallel()
	const n = 200_000
	for name, text := range map[string]string{
		"never closed":     strings.Repeat("a\",\"\n", n),
		"closed, a letter": strings.Repeat("a\",\"\n", n-1) + "a\"b\n",
	} {
		got := all(t, text)
		if len(got) != n || got[0].fault == "" || got[n-2].fault == "" || got[n-1].line != n {
			t.Errorf("%s: %d records, the last %+v", name, len(got), got[len(got)-1])
		}
	}
}
