package desk_test

import (
	"encoding/csv"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"fahuo/internal/desk"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// readCSV reads an export as a spreadsheet does.
func readCSV(t *testing.T, a *page) [][]string {
	t.Helper()
	body, ok := strings.CutPrefix(a.body, "\ufeff")
	if a.status != http.StatusOK || !ok || a.header.Get("Content-Type") != "text/csv; charset=utf-8" {
		t.Fatalf("%d %v %.200q", a.status, a.header, a.body)
	}
	if strings.Count(body, "\n") != strings.Count(body, "\r\n") {
		t.Error("lines that do not end with CRLF")
	}
	rows, err := csv.NewReader(strings.NewReader(body)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func readXLSX(t *testing.T, a *page) (*excelize.File, [][]string) {
	t.Helper()
	if a.status != http.StatusOK {
		t.Fatalf("%d %.300s", a.status, a.body)
	}
	f, err := excelize.OpenReader(strings.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	rows, err := f.GetRows("Sheet1")
	if err != nil {
		t.Fatal(err)
	}
	return f, rows
}

// cell is a value in an export by its column's head.
func cell(t *testing.T, rows [][]string, row int, head string) string {
	t.Helper()
	i := slices.Index(rows[0], head)
	if i < 0 || row >= len(rows) {
		t.Fatalf("no column %q or row %d in %v", head, row, rows[0])
	}
	if i >= len(rows[row]) {
		return "" // excelize leaves empty cells at the end out
	}
	return rows[row][i]
}

var hostile = map[string]string{
	"=1+1": "'=1+1", "+cmd|' /C calc'!A0": "'+cmd|' /C calc'!A0", "-2+3": "'-2+3", "@SUM(A1)": "'@SUM(A1)", "＝1+1": "'＝1+1", "a,b\"c": "a,b\"c", "两行": "两行",
	"123456789012": "123456789012\t", "0012345": "0012345\t", "12E34567": "12E34567\t", "12345": "12345", "13800138000": "138****8000", "x@y.example.com": "x***@y.example.com",
	"<b>": "<b>",
}

func TestExportsWithHostileValues(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	var values []string
	for value := range hostile {
		values = append(values, value)
	}
	slices.Sort(values)
	rows := s.acceptMany(partner, 1, len(values))
	for i, r := range rows { // whatever may get into a ledger
		s.change(`UPDATE shipments SET order_ref = ?, logistics_name = ? WHERE id = ?`, values[i], values[i], r.ID)
	}
	s.settle(rows, shipment.Dead)
	b := s.as("look", "en")
	for _, list := range []string{"/dead", "/shipments?state=dead", "/shipments?q=20261123"} {
		path, query, _ := strings.Cut(list, "?")
		a := b.get(path + ".csv?" + query)
		if name := a.header.Get("Content-Disposition"); !strings.HasPrefix(name, `attachment; filename="fahuo-`) || !strings.HasSuffix(name, `.csv"`) {
			t.Errorf("%q", name)
		}
		table := readCSV(t, a)
		if len(table) != len(values)+1 {
			t.Fatalf("%s: %d rows", list, len(table))
		}
		seen := make(map[string]bool)
		for i := 1; i < len(table); i++ {
			seen[cell(t, table, i, "Order")] = true
			if no := cell(t, table, i, "Trade number"); !strings.HasSuffix(no, "\t") || len(no) != 29 {
				t.Errorf("trade number %q", no)
			}
			if cell(t, table, i, "Order") != cell(t, table, i, "Carrier") {
				t.Errorf("%q", table[i])
			}
		}
		for value, want := range hostile {
			if !seen[want] {
				t.Errorf("%s: %q is not %q in %v", list, value, want, seen)
			}
		}
		f, sheet := readXLSX(t, b.get(path+".xlsx?"+query))
		if len(sheet) != len(values)+1 {
			t.Fatalf("%s: %d rows of XLSX", list, len(sheet))
		}
		for i := 1; i < len(sheet); i++ {
			if no := cell(t, sheet, i, "Trade number"); len(no) != 28 {
				t.Errorf("trade number %q", no)
			}
			if order := cell(t, sheet, i, "Order"); strings.ContainsAny(order[:1], "=+-@") || strings.HasSuffix(order, "\t") {
				t.Errorf("order %q", order)
			}
		}
		if width, err := f.GetColWidth("Sheet1", "A"); err != nil || width < 30 {
			t.Errorf("trade numbers have a width of %v (%v), and are cut", width, err)
		}
		kind, err := f.GetCellType("Sheet1", "A2")
		if err != nil || kind != excelize.CellTypeInlineString && kind != excelize.CellTypeSharedString {
			t.Errorf("type %v %v", kind, err)
		}
		style, err := f.GetCellStyle("Sheet1", "A2")
		if err != nil {
			t.Fatal(err)
		}
		if format, err := f.GetStyle(style); err != nil || format.NumFmt != 49 {
			t.Errorf("format %+v %v", format, err)
		}
		if formula, err := f.GetCellFormula("Sheet1", "H2"); err != nil || formula != "" {
			t.Errorf("formula %q %v", formula, err)
		}
	}
}

// An export holds all that matches, in the list's order, over several stretches.
func TestExportIsWhole(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.acceptMany(partner, 1, 4500)
	s.settle(s.acceptMany(partner, 5001, 30), shipment.Shipped)
	s.acceptMany(partner, 6001, 10)
	b := s.as("look", "en")
	table := readCSV(t, b.get("/shipments.csv"))
	if len(table) != 4541 {
		t.Fatalf("%d rows", len(table))
	}
	last := ""
	seen := make(map[string]bool)
	for i := 1; i < len(table); i++ {
		no := cell(t, table, i, "Trade number")
		if at := cell(t, table, i, "Accepted (Beijing time, UTC+8)"); last != "" && at > last {
			t.Fatalf("row %d is newer than the one before", i)
		} else {
			last = at
		}
		if seen[no] {
			t.Fatalf("%s stands twice", no)
		}
		seen[no] = true
	}
	if no := cell(t, table, 1, "Trade number"); no != "2026112300000000000000006010\t" {
		t.Errorf("first is %q", no)
	}
	_, sheet := readXLSX(t, b.get("/shipments.xlsx?state=queued"))
	if len(sheet) != 4511 {
		t.Errorf("%d rows of XLSX", len(sheet))
	}
	if table = readCSV(t, b.get("/shipments.csv?q=0000000500&inside=yes")); len(table) < 10 {
		t.Errorf("%d rows found", len(table))
	}
	b.lang = "zh"
	if table = readCSV(t, b.get("/shipments.csv?state=shipped")); cell(t, table, 1, "状态") != "已发货" || !slices.Contains(table[0], "受理时间（北京时间 UTC+8）") {
		t.Errorf("%v", table[:2])
	}
}

func TestExportTooLongForASheet(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *desk.Options) { o.SheetRows = 11 })
	s.settle(s.acceptMany(partner, 1, 11), shipment.Dead)
	b := s.as("look", "en")
	for _, path := range []string{"/dead.xlsx?account=" + partner, "/shipments.xlsx?account=" + partner, "/shipments.xlsx?q=20261123&account=" + partner} {
		a := b.get(path)
		csv := strings.ReplaceAll(strings.Replace(path, ".xlsx", ".csv", 1), "&", "&amp;")
		if a.status != http.StatusRequestEntityTooLarge || !strings.Contains(a.body, `href="`+csv+`"`) || a.header.Get("Content-Disposition") != "" {
			t.Errorf("%s: %d %v %s", path, a.status, a.header, a.body)
		}
	}
	s.settle(s.acceptMany(outlet, 101, 10), shipment.Dead)
	if _, sheet := readXLSX(t, b.get("/dead.xlsx?account="+outlet)); len(sheet) != 11 {
		t.Errorf("%d rows", len(sheet))
	}
}

func TestExportOfTheTrail(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	row := s.acceptMany(partner, 1, 1)
	s.settle(row, shipment.Dead)
	must(t, s.book.Note(t.Context(), row[0].Key(), "=HYPERLINK(1) 13800138000", "wang"))
	b := s.as("look", "en")
	table := readCSV(t, b.get("/audit.csv?act=note"))
	if len(table) != 2 || cell(t, table, 1, "Reason or note") != "'=HYPERLINK(1) 138****8000" || cell(t, table, 1, "Who") != "wang" || cell(t, table, 1, "What") != "Note" {
		t.Errorf("%q", table)
	}
	for range 2100 {
		must(t, s.book.Enter(t.Context(), "robot", ledger.ActLogout, ""))
	}
	if _, sheet := readXLSX(t, b.get("/audit.xlsx?actor=robot")); len(sheet) != 2101 {
		t.Errorf("%d rows", len(sheet))
	}
}

func TestExportOfBatches(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.serve("w", partner)
	for i := range 120 {
		rows := s.acceptMany(partner, 10*i+1, 3, func(p *shipment.Shipment) { p.Batch = "day " + strconv.Itoa(i) })
		s.settle(rows[:1], shipment.Shipped)
	}
	s.acceptMany(outlet, 5000, 2, func(p *shipment.Shipment) { p.Batch = "=1+1 13800138000" })
	must(t, s.book.SetRejected(t.Context(), "day 7", 4))
	b := s.as("look", "en")
	table := readCSV(t, b.get("/batches.csv"))
	if len(table) != 122 || cell(t, table, 1, "Batch") != "'=1+1 138****8000" || cell(t, table, 2, "Batch") != "day 119" || cell(t, table, 121, "Batch") != "day 0" {
		t.Fatalf("%d rows: %v", len(table), table[:3])
	}
	const by = "Queue empty by (Beijing time, UTC+8)"
	if said := cell(t, table, 1, by); !strings.Contains(said, "no worker") {
		t.Errorf("without a worker: %q", said)
	}
	table = readCSV(t, b.get("/batches.csv?q=day+7"))
	if len(table) != 12 { // 7 and 70 to 79
		t.Fatalf("%d rows", len(table))
	}
	for head, want := range map[string]string{"Shipments": "3", "queued": "2", "shipped": "1", "dead letter": "0", "Refused rows": "4"} {
		if got := cell(t, table, 11, head); got != want {
			t.Errorf("%s: %q, want %q", head, got, want)
		}
	}
	if _, sheet := readXLSX(t, b.get("/batches.xlsx")); len(sheet) != 122 || !strings.HasPrefix(cell(t, sheet, 121, by), "20") {
		t.Errorf("%d rows, %v", len(sheet), sheet[121])
	}
}
