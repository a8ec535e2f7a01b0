package intake

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
)

func gb(t testing.TB, text string) string {
	t.Helper()
	out, err := simplifiedchinese.GB18030.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func utf16(t testing.TB, text string, marked unicode.BOMPolicy) string {
	t.Helper()
	out, err := unicode.UTF16(unicode.LittleEndian, marked).NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

const head = "交易号,物流公司\n"

// What is wrong with a whole file is said before anything is accepted, with the line and what to do.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ content, says string }{
		"empty":             {"", "in.csv: is empty"},
		"blank lines":       {"\n\r\n  \n", "has nothing but empty lines"},
		"only a mark":       {"\xEF\xBB\xBF", "has nothing but empty lines"},
		"no header":         {"2026112300001001000000000001,顺丰速运\n", `the first line is no header: found "2026112300001001000000000001", "顺丰速运"; needed are trade_no`},
		"other header":      {"name,price\na,1\n", `found "name", "price"; needed are trade_no (支付宝交易号, 交易号) and logistics_name`},
		"no trade number":   {"物流公司,备注\n顺丰,\n", `columns are missing: needed are trade_no (支付宝交易号, 交易号) and logistics_name (物流公司, 快递公司); found "物流公司", "备注"`},
		"no courier":        {"交易号,运单号\n1,2\n", `found "交易号", "运单号"`},
		"duplicate columns": {"交易号,物流公司,trade_no,Logistics Name\n", `columns 1 ("交易号") and 3 ("trade_no") both are trade_no; remove one`},
		"both duplicates":   {"交易号,物流公司,trade_no,Logistics Name\n", `columns 2 ("物流公司") and 4 ("Logistics Name") both are logistics_name`},
		"open quote":        {"\"交易号,物流公司\n1,2\n", "the header has a quote"},
		"old Mac":           {"trade_no,logistics_name\r1,2\r", "as on old Macs"},
		"NUL in the header": {"trade_no\x00,logistics_name\n1,2\n", "NUL bytes in its first line"},
		"half an xlsx":      {"PK\x03\x04rest", "is a damaged xlsx file or archive: its end is missing"},
		"xls":               {"\xD0\xCF\x11\xE0rest", "old Excel file (xls); open it in a spreadsheet, save it as xlsx"},
		"PDF":               {"%PDF-1.7\n", "is a PDF"},
		"XML":               {"<?xml version=\"1.0\"?>\n<Workbook/>", "is an XML file; open it in a spreadsheet"},
		"a JSON array":      {"[{\"trade_no\":\"1\"}]", "is a JSON array; write JSON lines"},
		"data above":        {trade(1) + ",顺丰\n" + head + trade(2) + ",顺丰\n", "the first line is no header"},
		"header too far":    {strings.Repeat("标题\n", headerWithin) + head, "in one of the first 20 lines"},
		"UTF-16":            {utf16(t, head+"1,2\n", unicode.UseBOM), "is in UTF-16"},
		"UTF-16 unmarked":   {utf16(t, "trade_no,logistics_name\n", unicode.IgnoreBOM), "save it as CSV (UTF-8)"},
		"no encoding":       {"trade_no,logistics_name\n1,\xff\xff\n", "line 2 is neither UTF-8 nor GBK"},
		"two encodings":     {head + "1,顺丰\n" + gb(t, "2,顺丰\n"), "line 1 is in UTF-8 and line 3 is not"},
		"two, by chance":    {head + gb(t, "2,圆通\n"), "line 1 is in UTF-8 and line 2 is not"},
		"broken UTF-8":      {"\xEF\xBB\xBF" + head + "1,顺\xe4\n", "line 2 has a broken character"},
		"too wide":          {head[:len(head)-1] + strings.Repeat(",x", maxColumns) + "\n1,2\n", "has more than 500 columns"},
		"too wide, alone":   {strings.Repeat("trade_no;", 1<<16) + "\n", "has more than 500 columns"},
		"an old Mac's rows": {strings.ReplaceAll(many(maxColumns), "\n", "\r"), "as on old Macs"},
		"a long line":       {head + strings.Repeat("x", maxRecord+1), "line 2 is longer than 1 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source, err := Open(file(t, c.content), nil, OpenOptions{})
			if err == nil {
				err = errors.Join(errors.New("it was opened"), source.Close())
			}
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %q, want it to say %q", err, c.says)
			}
		})
	}
}

func TestOpenRefusesWhatIsNoFile(t *testing.T) {
	t.Parallel()
	if _, err := Open(filepath.Join(t.TempDir(), "none.csv"), nil, OpenOptions{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, err := Open(t.TempDir(), nil, OpenOptions{}); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("got %v", err)
	}
}

// endless is a line of many bytes that is nowhere all at once.
type endless struct{ left int }

func (e *endless) Read(p []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	n := min(len(p), e.left)
	for i := range n {
		p[i] = 'x'
	}
	e.left -= n
	return n, nil
}

// A line of 200 MB is refused after the first of them, whatever it comes from.
func TestHugeLine(t *testing.T) { //nolint:paralleltest // it measures memory
	const size = 200 << 20
	line := &endless{left: size}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Open(Stdin, io.MultiReader(strings.NewReader(head), line), OpenOptions{})
	runtime.ReadMemStats(&after)
	if err == nil || !strings.Contains(err.Error(), "stdin: line 2 is longer than 1 MiB") {
		t.Errorf("got %v", err)
	}
	if read := size - line.left; read > 4<<20 {
		t.Errorf("%d bytes were read", read)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 32<<20 {
		t.Errorf("%d bytes were used", used)
	}
}

func TestEncodings(t *testing.T) {
	t.Parallel()
	const rows = "2026112300001001000000000001,顺丰速运\n"
	for name, c := range map[string]struct {
		content string
		want    Encoding
	}{
		"UTF-8":                    {head + rows, UTF8},
		"UTF-8 with a mark":        {"\xEF\xBB\xBF" + head + rows, UTF8},
		"GBK":                      {gb(t, head+rows), GB18030},
		"four bytes":               {gb(t, head+"1,\U00020087\n"), GB18030},
		"ASCII":                    {"trade_no,logistics_name\n1,SF\n", UTF8},
		"Latin letters":            {"trade_no,logistics_name\n1,Größe\n", UTF8},
		"Cyrillic letters":         {"trade_no,logistics_name\n1,Почта\n", UTF8},
		"GBK that is UTF-8, too":   {gb(t, "trade_no,logistics_name\n1,圆通\n"), GB18030},
		"Chinese in the last line": {"trade_no,logistics_name\n" + strings.Repeat("1,SF\n", 50000) + gb(t, "2,中通\n"), GB18030},
	} {
		source := open(t, file(t, c.content))
		if source.Encoding != c.want {
			t.Errorf("%s: got %v, want %v", name, source.Encoding, c.want)
		}
	}
	if UnknownEncoding.String() != "unknown" || UTF8.String() != "UTF-8" || GB18030.String() != "GB18030 (GBK)" {
		t.Error("an encoding has another name")
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	for name, line := range map[string]string{
		"English":     "trade_no,logistics_name,invoice_no,urgent",
		"Chinese":     "支付宝交易号,快递公司,物流单号,加急",
		"any order":   "加急,运单号,物流公司,交易号",
		"any case":    " Trade No ,LOGISTICS_NAME,invoice-no,Urgent",
		"semicolons":  "trade_no;logistics_name;invoice_no;urgent",
		"tabs":        "trade_no\tlogistics_name\tinvoice_no\turgent",
		"quoted":      `"trade_no","logistics_name","快递单号","加急"`,
		"two lines":   "trade_no,logistics_name,invoice_no,urgent,\"remark\nof the buyer\"",
		"blank first": "\n\ntrade_no,logistics_name,invoice_no,urgent",
	} {
		h := open(t, file(t, line+"\n")).header
		for _, field := range []string{"trade_no", "logistics_name", "invoice_no", "urgent"} {
			if !h.has(field) {
				t.Errorf("%s: %s was not found", name, field)
			}
		}
	}
	got := open(t, file(t, "交易号,备注,物流公司,,line\n")).Ignored()
	if strings.Join(got, "|") != "备注|column 4 (no name)|line" {
		t.Errorf("ignored: %q", got)
	}
}

// A pipe is kept while it is read, and nothing of it afterwards.
func TestPipe(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	source, err := Open(Stdin, strings.NewReader(head+"1,2\n"), OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if source.Name != "stdin" || source.RejectedPath() != "stdin.rejected.csv" || source.Lines != 2 {
		t.Errorf("got %+v", source)
	}
	if err := source.Close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// Standard input has no name; its refused rows are called after the batch, which may be anything.
func TestRejectedFileOfABatch(t *testing.T) {
	t.Parallel()
	for batch, want := range map[string]string{
		"monday": "monday", "11月 a/b": "11月_a_b", "../etc": "_._etc", "-x": "_x", strings.Repeat("发", 100): strings.Repeat("发", 50),
	} {
		var s Source
		s.NameRejected(batch)
		if got := s.RejectedPath(); got != want+".rejected.csv" {
			t.Errorf("%q: got %s", batch, got)
		}
		named := Source{path: "in.csv"}
		named.NameRejected(batch)
		if got := named.RejectedPath(); got != "in.csv.rejected.csv" {
			t.Errorf("%q beside a file: got %s", batch, got)
		}
	}
}

// Every column stands in its document, by every name.
func TestEveryColumnIsDocumented(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../../docs/file.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range columns {
		var row string
		for line := range strings.Lines(string(document)) {
			if strings.HasPrefix(line, "| `"+c.field+"` |") {
				row = strings.ToLower(line)
			}
		}
		for _, name := range c.names {
			if !strings.Contains(row, "`"+name+"`") {
				t.Errorf("%s is not in the row of %s: %q", name, c.field, row)
			}
		}
		if row == "" {
			t.Errorf("%s has no row", c.field)
		}
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("cable pulled") }

func TestReadingFails(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]io.Reader{"at once": failing{}, "later": io.MultiReader(strings.NewReader(head+strings.Repeat("x\n", 600)), failing{})} {
		if _, err := Open(Stdin, in, OpenOptions{}); err == nil || !strings.Contains(err.Error(), "cable pulled") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
