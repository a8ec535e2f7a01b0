package intake

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// fixture is a copy of a file in testdata, beside which refused rows may be written.
func fixture(t testing.TB, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// trapped is the trade number of a row of the sheet of traps.
func trapped(row string) string {
	return "202611230000100100000000" + strings.Repeat("0", 4-len(row)) + row
}

// want is what has to become of a row: the waybill's number that is taken, or the field for which it is refused and why.
type want struct{ taken, field, says string }

const (
	rounded = "was turned into a rounded number by a spreadsheet and its last digits are lost; format the column as text and enter the numbers anew"
	noValue = "without a result; open the file in a spreadsheet and save it"
)

// The sheet of traps (testdata/make/traps.go) as two programs write it and as LibreOffice exports it in GBK: each row
// of it is taken as it stands there, or refused for its own reason. What a program cannot tell is named beside it.
func traps(name string) map[string]want {
	rows := map[string]want{
		"5": {taken: "SF5"}, "7": {taken: "7700012345678"}, // a hidden row is one
		"8":  {field: "trade_no", says: rounded},
		"9":  {field: "invoice_no", says: rounded},
		"10": {field: "invoice_no", says: "is a date, 2026-11-23"},
		"11": {field: "logistics_name", says: "is the truth value TRUE"},
		"12": {field: "logistics_name", says: "is the spreadsheet's error #N/A"},
		"13": {taken: "SF13"}, "14": {taken: "SF14"}, "15": {taken: "7700012345679"},
		"16": {field: "invoice_no", says: rounded},
		"17": {taken: "0000012345"}, "18": {taken: "SF18"}, "19": {taken: "SF19"}, "20": {taken: "SF20"},
		"21": {field: "transport_type", says: `"飞机" is not a transport type`},
		"22": {field: "trade_no", says: "is missing"},
	}
	if name == "excelize.xlsx" { // formulas that nobody has calculated
		rows["13"] = want{field: "trade_no", says: noValue}
		rows["15"] = want{field: "invoice_no", says: noValue}
	}
	return rows
}

func TestTraps(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"excelize.xlsx", "libreoffice.xlsx", "libreoffice.csv"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			book := openBook(t, partner)
			var warned []string
			sum := imported(t, book, fixture(t, name), Options{Warn: func(m Warning) { warned = append(warned, m.String()) }})
			refused := make(map[string]Rejection)
			for _, r := range sum.Rejections {
				refused[strconv.FormatInt(r.Line, 10)] = r
			}
			rows := traps(name)
			for row, w := range rows {
				known, err := book.Get(t.Context(), shipment.Key{Partner: partner, TradeNo: trapped(row)})
				if w.taken != "" {
					if err != nil || known.InvoiceNo != w.taken {
						t.Errorf("row %s: %q, %v; want %q", row, known.InvoiceNo, err, w.taken)
					}
					continue
				}
				r := refused[row]
				if !errors.Is(err, ledger.ErrNotFound) || r.Field != w.field || !strings.Contains(r.Reason, w.says) {
					t.Errorf("row %s: %v, refused %+v; want %+v", row, err, r, w)
				}
			}
			if n := sum.Accepted + sum.Rejected; n != len(rows) {
				t.Errorf("%d rows, want %d: %+v", n, len(rows), sum)
			}
			if all := strings.Join(warned, "\n"); !strings.Contains(all, `below the table, and no rows: "合计 17", "导出时间：2026-11-24 10:00:00"`) {
				t.Errorf("the footer is not named: %s", all)
			}
		})
	}
}
