package desk_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/simplifiedchinese"

	"fahuo/internal/beijing"
	"fahuo/internal/desk"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// send uploads a file by the import page's form; fields are name, value, name, value.
func (b *browser) send(name string, content []byte, fields ...string) *page {
	b.t.Helper()
	return b.sendFrom(nil, name, content, fields...)
}

func (b *browser) sendFrom(header http.Header, name string, content []byte, fields ...string) *page {
	b.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", name)
	must(b.t, err)
	_, err = part.Write(content)
	must(b.t, err)
	for i := 0; i+1 < len(fields); i += 2 {
		must(b.t, form.WriteField(fields[i], fields[i+1]))
	}
	must(b.t, form.Close())
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.url+"/import", &body)
	must(b.t, err)
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("Accept-Language", b.lang)
	maps.Copy(r.Header, header)
	answer, err := b.client.Do(r)
	must(b.t, err)
	text, err := io.ReadAll(answer.Body)
	must(b.t, errors.Join(err, answer.Body.Close()))
	if answer.StatusCode == http.StatusInternalServerError {
		b.t.Fatalf("500\n%s", b.log)
	}
	return &page{t: b.t, status: answer.StatusCode, header: answer.Header, location: answer.Header.Get("Location"), body: string(text)}
}

// csvOf is a CSV of the account's rows with these numbers.
func csvOf(numbers ...int) []byte {
	var b strings.Builder
	b.WriteString("交易号,物流公司,运单号,商户号\n")
	for _, n := range numbers {
		v := parcel(n)
		fmt.Fprintf(&b, "%s,%s,%s,%s\n", v.TradeNo, v.LogisticsName, v.InvoiceNo, v.Partner)
	}
	return []byte(b.String())
}

// workbook is an xlsx file of sheets of texts.
func workbook(t *testing.T, sheets ...[][]string) []byte {
	t.Helper()
	f := excelize.NewFile()
	for i, rows := range sheets {
		name := fmt.Sprintf("Sheet%d", i+1)
		_, err := f.NewSheet(name)
		must(t, err)
		for n, row := range rows {
			must(t, f.SetSheetRow(name, fmt.Sprintf("A%d", n+1), &row))
		}
	}
	var out bytes.Buffer
	must(t, errors.Join(f.Write(&out), f.Close()))
	return out.Bytes()
}

func (s *site) queued() int64 {
	s.t.Helper()
	counts, err := s.book.Counts(s.t.Context(), ledger.Scope{})
	must(s.t, err)
	return counts[shipment.Queued]
}

// counts says that a page shows these numbers: accepted, already, in conflict, refused.
func (p *page) counts(want ...string) {
	p.t.Helper()
	for i, name := range []string{"accepted", "already", "conflicts", "rejected"} {
		if got := `data-count="` + name + `">` + want[i] + `<`; !strings.Contains(p.body, got) {
			p.t.Errorf("not %s %s:\n%s", want[i], name, p.text())
		}
	}
}

// A workbook with good rows, bad ones and one in conflict: nothing is queued before it is confirmed, then the good ones
// are, once; what is refused comes back with its reasons.
func TestImportAWorkbook(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.serve("w", partner)
	s.acceptMany(partner, 7, 1)
	rows := [][]string{{"仓库 11月26日"}, {"交易号", "物流公司", "运单号", "商户号", "备注"}}
	for n := range 3 {
		v := parcel(n + 1)
		rows = append(rows, []string{v.TradeNo, v.LogisticsName, v.InvoiceNo, v.Partner, "x"})
	}
	rows = append(rows, []string{parcel(7).TradeNo, "圆通", "YT1", partner, ""}, []string{parcel(8).TradeNo, "", "SF8", partner, "=1+1"}, []string{"12", "顺丰", "SF9", partner, "x@example.com"})
	wang := s.as("wang", "zh")
	shown := wang.follow(wang.send("今日.xlsx", workbook(t, rows), "urgent", "yes"))
	shown.counts("3", "0", "1", "2")
	shown.says("今日.xlsx", "目前还没有排队", "未使用的列：", "备注", "物流公司 原为「顺丰速运」，现为「圆通」", "没有填写；请填写物流公司", `"12" 有 2 位`, "现在确认，预计最迟调用"+time.Now().In(beijing.Zone).Format("2006-")) // the day may change meanwhile
	if s.queued() != 1 {
		t.Fatalf("%d are queued before it was confirmed", s.queued())
	}
	action := wang.send("今日.xlsx", workbook(t, rows), "urgent", "yes", "batch", "晚班").location
	done := wang.follow(wang.submit(wang.look(action), action+"/confirm"))
	done.counts("3", "0", "1", "2")
	done.says("已导入 3 行", "查看批次")
	if row := s.row(parcel(1)); s.queued() != 4 || row.Batch != "晚班" || !row.Urgent {
		t.Errorf("%d are queued; %+v", s.queued(), row)
	}
	wang.look("/batches?name=" + url.QueryEscape("晚班")).says("3")
	// Confirmed again, or read again, it is the same page and the same shipments.
	again := wang.follow(wang.post(action+"/confirm", nil))
	again.counts("3", "0", "1", "2")
	trail, err := s.book.Audit(t.Context(), ledger.AuditFilter{Act: ledger.ActImport}, 10)
	must(t, err)
	if len(trail) != 1 || trail[0].Actor != "wang" || trail[0].Detail != "晚班" || trail[0].After["file"] != "今日.xlsx" || trail[0].After["accepted"] != "3" || trail[0].After["rejected"] != "2" {
		t.Errorf("%+v", trail)
	}
	wang.look("/audit?act=import").says("导入文件", "晚班", "今日.xlsx", "新增")
	refusedRows(t, wang, action)
}

// refusedRows reads both files of refused rows: as texts, in the reader's language, and good for importing again.
func refusedRows(t *testing.T, b *browser, action string) {
	t.Helper()
	sheet := b.get(action + "/refused.xlsx")
	sheet.want(http.StatusOK)
	f, err := excelize.OpenReader(strings.NewReader(sheet.body))
	must(t, err)
	defer func() { must(t, f.Close()) }()
	cells, err := f.GetRows("Sheet1")
	must(t, err)
	if len(cells) != 4 || cells[2][4] != "'=1+1" || cells[2][6] != "logistics_name" || !strings.Contains(cells[2][7], "请填写物流公司") || cells[3][4] != "x@example.com" {
		t.Errorf("%q", cells)
	}
	if kind, err := f.GetCellType("Sheet1", "E3"); err != nil || kind != excelize.CellTypeInlineString && kind != excelize.CellTypeSharedString {
		t.Errorf("the formula is of type %v, %v", kind, err)
	}
	text := b.get(action + "/refused.csv")
	text.want(http.StatusOK)
	text.holds(",'=1+1,", parcel(7).TradeNo+"\t,", "line,field,reason")
	b.follow(b.send("改正.csv", []byte(text.body))).counts("0", "0", "1", "2")
}

// CSV in GBK is read; in English, too, the page says all.
func TestImportGBK(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	content, err := simplifiedchinese.GBK.NewEncoder().Bytes(csvOf(1, 2))
	must(t, err)
	wang := s.as("wang", "en")
	p := wang.send(`C:\发货 <b>.csv`, content)
	shown := wang.follow(p)
	shown.counts("2", "0", "0", "0")
	shown.says("发货 <b>.csv", "Confirm and import 2 rows", "no worker", "Nothing is queued until you confirm.")
	wang.follow(wang.submit(shown, p.location+"/confirm")).says("2 rows were imported")
	if row := s.row(parcel(1)); row.LogisticsName != "顺丰速运" || !strings.HasPrefix(row.Batch, "发货__b_.csv-") {
		t.Errorf("%+v", row)
	}
	p = wang.send("again.csv", content)
	wang.follow(p).says("There is nothing to import", "in the batches")
}

// Of several sheets one is chosen, and the account where the file does not say it.
func TestImportAsksForSheetAndAccount(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	head := []string{"交易号", "物流公司", "运单号"}
	content := workbook(t, [][]string{head, {parcel(1).TradeNo, "顺丰", "SF1"}}, [][]string{head, {parcel(2).TradeNo, "顺丰", "SF2"}, {parcel(3).TradeNo, "顺丰", "SF3"}})
	wang := s.as("wang", "zh")
	p := wang.send("a.xlsx", content)
	asked := wang.follow(p)
	asked.says("请选择要导入的一个", "Sheet1", "Sheet2")
	asked = wang.follow(wang.submit(asked, p.location+"/choose", "sheet", "Sheet2"))
	asked.says("请选择商户", "旗舰店", "Outlet")
	asked.saysNot("--", "ALIPAY_PARTNER")
	shown := wang.follow(wang.submit(asked, p.location+"/choose", "account", outlet))
	shown.counts("2", "0", "0", "0")
	wang.follow(wang.submit(shown, p.location+"/confirm"))
	if rows, err := s.book.PartnersIn(t.Context(), ledger.Scope{}); err != nil || len(rows) != 1 || rows[0] != outlet || s.queued() != 2 {
		t.Errorf("%v %v", rows, err)
	}
	// What was imported is not read anew.
	wang.follow(wang.post(p.location+"/choose", url.Values{"sheet": {"Sheet1"}})).says("已导入 2 行")
}

// What is no table is named for what it is, in clear words and without a flag.
func TestImportNoTable(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	zh, en := s.as("wang", "zh"), s.as("li", "en")
	for name, c := range map[string]struct {
		content []byte
		zh, en  string
	}{
		"empty":     {nil, "文件是空的", "is empty"},
		"a PDF":     {[]byte("%PDF-1.7"), "是 PDF", "is a PDF"},
		"no header": {[]byte("hello\nworld\n"), "第一行不是表头", "is no header"},
		"no rows":   {csvOf(), "只有表头，没有数据", "has a header and no rows"},
		"an archive": {
			[]byte("PK\x03\x04 and no more"), "文件不完整", "is a damaged xlsx file or archive",
		},
	} {
		p := zh.send("x.xlsx", c.content)
		zh.follow(p).says("这个文件无法导入", c.zh)
		shown := en.follow(en.send("x.xlsx", c.content))
		shown.says("The file cannot be imported", c.en)
		shown.saysNot(" --", "/confirm\"")
		if s.queued() != 0 {
			t.Errorf("%s: something is queued", name)
		}
		zh.follow(zh.post(p.location+"/confirm", nil)).says("这个文件无法导入")
	}
	zh.send("", nil).want(http.StatusUnprocessableEntity)
	zh.send("a.csv", csvOf(1), "batch", strings.Repeat("长", 129)).want(http.StatusUnprocessableEntity)
	zh.send("a.csv", csvOf(1), "account", "x").want(http.StatusUnprocessableEntity)
	zh.post("/import", url.Values{"file": {"x"}}).want(http.StatusBadRequest)
	if dirs := s.desk.UploadDirs(); len(dirs) > 6 {
		t.Errorf("kept: %v", dirs)
	}
}

// A file that is too large is refused on a page; no other form may be large.
func TestImportTooLarge(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	wang := s.as("wang", "zh")
	p := wang.send("big.csv", make([]byte, desk.MaxUpload+1))
	p.want(http.StatusRequestEntityTooLarge)
	p.says("文件超过 32 MB")
	s.desk.Forgotten()
	if dirs := s.desk.UploadDirs(); len(dirs) != 0 {
		t.Errorf("kept: %v", dirs)
	}
	wang.post("/cancel", url.Values{"name": {strings.Repeat("x", 2<<20)}}).want(http.StatusBadRequest)
}
