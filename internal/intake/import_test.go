package intake

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

func TestImport(t *testing.T) {
	t.Parallel()
	book := openBook(t, partner)
	path := file(t, gb(t, "\n加急,备注,交易号,物流公司,运单号,运输方式,订单号\n"+
		"是,\"a\nb\",=\""+trade(1)+"\",顺丰速运,'SF1,快递,A-1\n"+
		"\n"+
		",,"+trade(2)+",,,无需物流,\n"))
	sum := imported(t, book, path, Options{Batch: "monday"})
	if sum.Accepted != 2 || sum.Refused() || sum.RejectedFile != nil || sum.ETA.IsZero() {
		t.Errorf("got %+v", sum)
	}
	want := shipment.Shipment{
		Partner: partner, TradeNo: trade(1), LogisticsName: "顺丰速运", InvoiceNo: "SF1", TransportType: "EXPRESS", OrderRef: "A-1", Batch: "monday", Urgent: true,
	}
	if got := get(t, book, 1).Shipment; got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := get(t, book, 2); got.TransportType != "DIRECT" || got.Urgent {
		t.Errorf("got %+v", got)
	}
	if _, err := os.Stat(path + ".rejected.csv"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file of refused rows: %v", err)
	}
}

// Each wrong row is refused with its line, field and reason, and its neighbours are taken.
func TestWrongRowsAreRefusedAlone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ row, field, says string }{
		"too few columns":   {trade(2) + ",中通", "row", "has 2 columns, the header has 5; is a value missing"},
		"too many columns":  {trade(2) + ",中通,上海,SF2,,", "row", "has 6 columns, the header has 5; is there a comma inside a value without quotes?"},
		"NUL":               {trade(2) + ",中\x00通,,EXPRESS,", "row", "contains a NUL byte"},
		"open quote":        {trade(2) + `,"中通,,EXPRESS,`, "row", "is opened in this row and never closed"},
		"rounded":           {"2.01E+27,中通,,EXPRESS,", "trade_no", `"2.01E+27" was turned into a rounded number by a spreadsheet`},
		"unknown transport": {trade(2) + ",中通,,飞,", "transport_type", `"飞" is not a transport type`},
		"no transport":      {trade(2) + ",中通,,,", "transport_type", "is missing"},
		"control character": {trade(2) + ",中\x07通,,EXPRESS,", "logistics_name", "(U+0007)"},
		"line end":          {trade(2) + ",\"中\n通\",,EXPRESS,", "logistics_name", "(U+000A)"},
		"urgency":           {trade(2) + ",中通,,EXPRESS,perhaps", "urgent", `"perhaps" is neither yes (是, 1) nor no (否, 0)`},
		"no courier":        {trade(2) + ",,,EXPRESS,", "logistics_name", "is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			book := openBook(t, partner)
			good := func(n int) string { return trade(n) + ",顺丰,,EXPRESS,\n" }
			sum := imported(t, book, file(t, "交易号,物流公司,运单号,运输方式,加急\n"+good(1)+c.row+"\n"+good(3)), Options{})
			if sum.Accepted != 2 || sum.Rejected != 1 || sum.Conflicts != 0 || len(sum.Rejections) != 1 {
				t.Fatalf("got %+v", sum)
			}
			r := sum.Rejections[0]
			if r.Line != 3 || r.Field != c.field || !strings.Contains(r.Reason, c.says) {
				t.Errorf("got %+v, want line 3, field %s, saying %q", r, c.field, c.says)
			}
			get(t, book, 1)
			get(t, book, 3)
			// Whatever was refused is refused again unless somebody has corrected it.
			again := imported(t, book, *sum.RejectedFile, Options{})
			if again.Rejected != 1 || again.Accepted != 0 {
				t.Errorf("imported uncorrected: %+v", again)
			}
		})
	}
}

// The ledger knows how many rows of a batch were refused, until they come in corrected; a dry run tells it nothing.
func TestRefusedRowsOfABatchAreCounted(t *testing.T) {
	t.Parallel()
	book := openBook(t, partner)
	bad := head + trade(1) + ",顺丰\nx,顺丰\n"
	for _, c := range []struct {
		text string
		o    Options
		want int64
	}{
		{bad, Options{Batch: "b", DryRun: true}, -1},
		{bad, Options{Batch: "b"}, 1},
		{bad + trade(1) + ",中通\n", Options{Batch: "b"}, 2},
		{head + trade(2) + ",顺丰\n", Options{Batch: "b"}, 0},
	} {
		imported(t, book, file(t, c.text), c.o)
		b, err := book.Batch(t.Context(), "b")
		if c.want < 0 {
			if !errors.Is(err, ledger.ErrNotFound) {
				t.Errorf("a dry run made a batch: %+v %v", b, err)
			}
			continue
		}
		if err != nil || b.Rejected != c.want {
			t.Errorf("%d are refused, want %d (%v)", b.Rejected, c.want, err)
		}
	}
}

func TestHeaderOnly(t *testing.T) {
	t.Parallel()
	_, err := importInto(t.Context(), t, openBook(t, partner), file(t, head+"\n,\n"), Options{})
	if err == nil || !strings.Contains(err.Error(), "in.csv: has a header and no rows") {
		t.Errorf("got %v", err)
	}
}

func TestUrgentWords(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]bool{
		"yes": true, "Y": true, "1": true, "TRUE": true, "是": true, "加急": true, "no": false, "N": false, "0": false, "False": false, "否": false, "": false,
	} {
		if got, fault := parseUrgent(word); fault != nil || got != want {
			t.Errorf("%q: got %v, %v", word, got, fault)
		}
	}
}

// Twice the same is once; with other details it is a conflict that names both values.
func TestDuplicatesAndConflicts(t *testing.T) {
	t.Parallel()
	book := openBook(t, partner)
	const columns = "交易号,物流公司,运单号,订单号\n"
	sum := imported(t, book, file(t, columns+trade(1)+",顺丰,SF1,A\n"+trade(1)+", 顺丰 ,SF1,B\n"+trade(1)+",顺丰,SF2,A\n"), Options{})
	if sum.Accepted != 1 || sum.Already != 1 || sum.Conflicts != 1 || sum.Rejected != 0 {
		t.Errorf("got %+v", sum)
	}
	want := []Rejection{{Line: 4, TradeNo: trade(1), Field: "invoice_no", Reason: `invoice_no was "SF1" when this trade was accepted and is "SF2" now; what was accepted first stays`}}
	if !slices.Equal(sum.Rejections, want) {
		t.Errorf("got %+v, want %+v", sum.Rejections, want)
	}
	if sum = imported(t, book, file(t, columns+trade(1)+",顺丰,SF1,\n"), Options{Urgent: true}); sum.Already != 1 || sum.Refused() {
		t.Errorf("again: %+v", sum)
	}
	if got := get(t, book, 1); got.InvoiceNo != "SF1" || !got.Urgent {
		t.Errorf("got %+v", got)
	}
	sum = imported(t, book, file(t, columns+trade(1)+",圆通,SF3,\n"), Options{})
	says := `logistics_name was "顺丰" when this trade was accepted and is "圆通" now, invoice_no was "SF1" and is "SF3"; what was accepted first stays`
	if len(sum.Rejections) != 1 || sum.Rejections[0].Field != "logistics_name" || sum.Rejections[0].Reason != says {
		t.Errorf("got %+v, want %s", sum.Rejections, says)
	}
}

// Rows may be in many other batches: the first ten are named, the one with the most rows before all.
func TestAlreadyInOtherBatches(t *testing.T) {
	t.Parallel()
	book := openBook(t, partner)
	all := head
	for n := range 12 {
		row := trade(n+1) + ",顺丰\n"
		if n == 11 {
			row += trade(13) + ",顺丰\n"
		}
		all += row
		imported(t, book, file(t, head+row), Options{Batch: "b" + strconv.Itoa(n)})
	}
	sum := imported(t, book, file(t, all+trade(14)+",顺丰\n"), Options{Batch: "again"})
	if sum.Already != 13 || sum.Accepted != 1 || sum.Elsewhere != (Elsewhere{Rows: 13, Batches: 12}) || strings.Join(sum.AlreadyIn, " ") != "b11 b0 b1 b2 b3 b4 b5 b6 b7 b8" {
		t.Errorf("got %+v", sum)
	}
}

func TestStrictAndDryRun(t *testing.T) {
	t.Parallel()
	good, dup := trade(1)+",顺丰\n"+trade(2)+",顺丰\n", trade(1)+",顺丰\n"
	for name, c := range map[string]struct {
		o    Options
		rows string
		want Summary
		kept int64
	}{
		"strict, good":             {Options{Strict: true}, good + dup, Summary{Accepted: 2, Already: 1}, 2},
		"strict, a wrong row":      {Options{Strict: true}, good + "x,顺丰\n", Summary{Rejected: 1}, 0},
		"strict, a conflict":       {Options{Strict: true}, good + trade(1) + ",中通\n", Summary{Conflicts: 1}, 0},
		"dry run":                  {Options{DryRun: true}, good + dup + "x,顺丰\n", Summary{Accepted: 2, Already: 1, Rejected: 1}, 0},
		"dry run, conflict inside": {Options{DryRun: true}, good + trade(1) + ",中通\n", Summary{Accepted: 2, Conflicts: 1}, 0},
		"dry and strict":           {Options{DryRun: true, Strict: true}, good, Summary{Accepted: 2}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			book := openBook(t, partner)
			got := imported(t, book, file(t, head+c.rows), c.o)
			if got.Accepted != c.want.Accepted || got.Already != c.want.Already || got.Conflicts != c.want.Conflicts || got.Rejected != c.want.Rejected {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
			if n := total(t, book); n != c.kept {
				t.Errorf("%d are in the ledger, want %d", n, c.kept)
			}
			if got.Refused() != (got.RejectedFile != nil) || (c.o.DryRun && !got.ETA.IsZero()) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

const other = "2088000000000002"

// U4: whose shipment a row is, by flag, column, variable, ledger.
func TestWhoseShipment(t *testing.T) {
	t.Parallel()
	const stranger = "2088000000000009"
	for name, c := range map[string]struct {
		announced []string
		o         Options
		column    string // "-": there is none
		want      string // the account; else what is said
	}{
		"flag":                           {[]string{partner, other}, Options{Partner: other}, "-", other},
		"flag before variable":           {[]string{partner, other}, Options{Partner: other, DefaultPartner: partner}, "", other},
		"column":                         {[]string{partner, other}, Options{DefaultPartner: partner}, other, other},
		"variable":                       {[]string{partner, other}, Options{DefaultPartner: other}, "", other},
		"the only one":                   {[]string{partner}, Options{}, "-", partner},
		"flag and column agree":          {[]string{partner}, Options{Partner: partner}, partner, partner},
		"flag and column disagree":       {[]string{partner, other}, Options{Partner: partner}, other, `is "2088000000000002" in the file, but --partner says 2088000000000001`},
		"nobody knows":                   {nil, Options{}, "-", "which account?"},
		"too many are known":             {[]string{partner, other}, Options{}, "-", "known are: 2088000000000001 shop 1, 2088000000000002 shop 2"},
		"too many, for a row":            {[]string{partner, other}, Options{}, "", "is missing; known are: 2088000000000001 shop 1"},
		"a strange flag":                 {[]string{partner}, Options{Partner: stranger}, "-", "--partner 2088000000000009: no worker has announced this account; known are: 2088000000000001 shop 1"},
		"a strange variable":             {[]string{partner}, Options{DefaultPartner: stranger}, "-", "ALIPAY_PARTNER 2088000000000009: no worker"},
		"a strange column":               {[]string{partner}, Options{}, stranger, "2088000000000009: no worker has announced this account"},
		"a wrong column":                 {[]string{partner}, Options{}, "123", `"123" is not 16 digits beginning with 2088`},
		"nobody announced, flag given":   {nil, Options{Partner: stranger}, "-", stranger},
		"nobody announced, column given": {nil, Options{}, stranger, stranger},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			book := openBook(t, c.announced...)
			content := "trade_no,logistics_name\n" + trade(1) + ",顺丰\n"
			if c.column != "-" {
				content = "trade_no,logistics_name,partner\n" + trade(1) + ",顺丰," + c.column + "\n"
			}
			warned := ""
			c.o.Warn = func(m string) { warned += m }
			sum, err := importInto(t.Context(), t, book, file(t, content), c.o)
			if sum.Accepted == 1 {
				if got, err := book.PartnersIn(t.Context(), ledger.Scope{}); err != nil || len(got) != 1 || got[0] != c.want {
					t.Errorf("got %v, %v", got, err)
				}
				if (len(c.announced) == 0) != strings.Contains(warned, "no worker has announced an account") {
					t.Errorf("warned: %q", warned)
				}
				return
			}
			said := ""
			if len(sum.Rejections) == 1 && err == nil {
				said = sum.Rejections[0].Reason
			} else if errors.Is(err, ErrAccount) {
				said = err.Error()
			}
			if !strings.Contains(said, c.want) {
				t.Errorf("got %+v, %v", sum, err)
			}
		})
	}
}

// What was refused can be corrected in its own file and imported from there; cells are as they were.
func TestRejectedFileRoundTrip(t *testing.T) {
	t.Parallel()
	book := openBook(t, partner)
	path := file(t, "交易号;物流公司;备注;运输方式\n"+
		"=\""+trade(1)+"\";顺丰;\"a\"\"b\nc\";飞\n"+
		trade(2)+";顺丰;;快递\n"+
		trade(3)+";顺丰;=1+1;快递;too;many\n")
	sum := imported(t, book, path, Options{})
	if sum.Accepted != 1 || sum.Rejected != 2 || sum.RejectedFile == nil || *sum.RejectedFile != path+".rejected.csv" {
		t.Fatalf("got %+v", sum)
	}
	content, err := os.ReadFile(*sum.RejectedFile)
	if err != nil {
		t.Fatal(err)
	}
	want := "\xEF\xBB\xBF交易号,物流公司,备注,运输方式,,,line,field,reason\n" +
		"\"=\"\"" + trade(1) + "\"\"\",顺丰,\"a\"\"b\nc\",飞,,,2,transport_type,\"\"\"飞\"\" is not a transport type; use POST (平邮), EXPRESS (快递), EMS or DIRECT (无需物流)\"\n" +
		trade(3) + ",顺丰,=1+1,快递,too,many,5,row,\"has 6 columns, the header has 4; is there a comma inside a value without quotes?\"\n"
	if string(content) != want {
		t.Fatalf("got %s, want %s", content, want)
	}
	corrected := strings.NewReplacer(",飞,", ",快递,", ",too,many,5,row,", ",,,5,,").Replace(string(content))
	if err := os.WriteFile(*sum.RejectedFile, []byte(corrected), 0o600); err != nil {
		t.Fatal(err)
	}
	again := imported(t, book, *sum.RejectedFile, Options{Warn: func(m string) {
		if strings.Contains(m, "line") || strings.Contains(m, "reason") {
			t.Errorf("our own columns are unknown: %s", m)
		}
	}})
	if again.Accepted != 2 || again.Refused() {
		t.Errorf("got %+v", again)
	}
}

// Its notes are written anew, not behind the old ones.
func TestNotesDoNotPileUp(t *testing.T) {
	t.Parallel()
	book := openBook(t, partner)
	sum := imported(t, book, file(t, head+"x,顺丰\n"), Options{})
	again := imported(t, book, *sum.RejectedFile, Options{})
	content, err := os.ReadFile(*again.RejectedFile)
	if err != nil {
		t.Fatal(err)
	}
	if first, _, _ := strings.Cut(string(content), "\n"); first != "\xEF\xBB\xBF交易号,物流公司,line,field,reason" {
		t.Errorf("got %q", first)
	}
}

// Corrections in a file of refused rows are not overwritten by importing the whole file again, however often.
func TestCorrectionsAreKept(t *testing.T) {
	t.Parallel()
	book := openBook(t, partner)
	path := file(t, head+"x,顺丰\n")
	first := imported(t, book, path, Options{DryRun: true})
	if first.OlderRejectedFile != nil {
		t.Errorf("got %+v", first)
	}
	if again := imported(t, book, path, Options{}); again.OlderRejectedFile != nil {
		t.Errorf("the same refusals are no other file: %s", *again.OlderRejectedFile)
	}
	for n, correction := range []string{"corrected", "and corrected again"} {
		if err := os.WriteFile(*first.RejectedFile, []byte(correction), 0o600); err != nil {
			t.Fatal(err)
		}
		sum := imported(t, book, path, Options{})
		want := path + ".rejected.csv." + strconv.Itoa(n+1)
		if sum.OlderRejectedFile == nil || *sum.OlderRejectedFile != want {
			t.Fatalf("got %+v, want %s", sum, want)
		}
		if kept, err := os.ReadFile(want); err != nil || string(kept) != correction {
			t.Errorf("%s: %q, %v", want, kept, err)
		}
		if now, err := os.ReadFile(*sum.RejectedFile); err != nil || !strings.Contains(string(now), "x,顺丰,2,trade_no") {
			t.Errorf("%q, %v", now, err)
		}
	}
	if err := os.WriteFile(path, []byte(head+trade(1)+",顺丰\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if sum := imported(t, book, path, Options{}); sum.RejectedFile != nil || sum.OlderRejectedFile == nil || *sum.OlderRejectedFile != path+".rejected.csv" {
		t.Errorf("got %+v", sum)
	}
}

// Where the file of refused rows cannot be written, what was accepted stays and the reasons are told.
func TestRejectedFileCannotBeWritten(t *testing.T) {
	t.Parallel()
	book := openBook(t, partner)
	path := file(t, head+trade(1)+",顺丰\nx,顺丰\n")
	if err := os.Mkdir(path+".rejected.csv", 0o700); err != nil {
		t.Fatal(err)
	}
	sum, err := importInto(t.Context(), t, book, path, Options{})
	if err == nil || sum.Accepted != 1 || sum.RejectedFile != nil || len(sum.Rejections) != 1 {
		t.Errorf("got %+v, %v", sum, err)
	}
	if !strings.Contains(err.Error(), "make the directory writable for this user, or go to one that is and hand the rows over as standard input") {
		t.Errorf("it does not say what to do: %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".rejected-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// An interruption comes between two transactions; what is counted is what is there.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	book := openBook(t, partner)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	path := file(t, many(1100)+"x,顺丰,\n")
	sum, err := importInto(ctx, t, book, path, Options{Progress: func(line int64) {
		if line != chunk+1 {
			t.Errorf("progress at line %d", line)
		}
		cancel()
	}})
	if !errors.Is(err, ErrInterrupted) || !strings.Contains(err.Error(), "from line 1002 on were not taken") {
		t.Errorf("got %v", err)
	}
	if sum.Accepted != chunk || total(t, book) != chunk {
		t.Errorf("%d accepted, %d in the ledger", sum.Accepted, total(t, book))
	}
	if sum = imported(t, book, path, Options{}); sum.Already != chunk || sum.Accepted != 100 || sum.Rejected != 1 {
		t.Errorf("again: %+v", sum)
	}
}

func TestLedgerGoesAway(t *testing.T) {
	t.Parallel()
	book, err := ledger.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "fahuo.db"))
	if err != nil {
		t.Fatal(err)
	}
	sum, err := importInto(t.Context(), t, book, file(t, many(1001)), Options{Partner: partner, Progress: func(int64) {
		if err := book.Close(); err != nil {
			t.Error(err)
		}
	}})
	if sum.Accepted != chunk || err == nil || !strings.Contains(err.Error(), "the ledger did not take the rows up to line 1002") {
		t.Errorf("got %+v, %v", sum, err)
	}
	if _, err := importInto(t.Context(), t, book, file(t, many(1)), Options{}); err == nil {
		t.Error("a closed ledger took a file")
	}
}

func TestSummaryJSON(t *testing.T) {
	t.Parallel()
	path := "in.csv.rejected.csv"
	for _, c := range []struct {
		sum  Summary
		want string
	}{
		{
			Summary{Batch: "b", Rejections: []Rejection{}},
			`{"batch":"b","accepted":0,"already":0,"conflicts":0,"rejected":0,"eta":null,"rejected_file":null,"rejections":[]}`,
		},
		{
			Summary{
				Batch: "b", Accepted: 1, Already: 2, Conflicts: 3, Rejected: 4, RejectedFile: &path,
				ETA: Time{time.Date(2026, 11, 23, 6, 0, 0, 1, time.UTC)}, Rejections: []Rejection{{2, "1", "trade_no", "short"}},
			},
			`{"batch":"b","accepted":1,"already":2,"conflicts":3,"rejected":4,"eta":"2026-11-23T14:00:01+08:00","rejected_file":"in.csv.rejected.csv",` +
				`"rejections":[{"line":2,"trade_no":"1","field":"trade_no","reason":"short"}]}`,
		},
	} {
		got, err := json.Marshal(c.sum)
		if err != nil || string(got) != c.want {
			t.Errorf("got %s, %v", got, err)
		}
	}
	if got := (Time{time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)}).String() + (Time{}).String(); got != "2026-11-23 14:00:00 +08:00not known yet" {
		t.Errorf("got %s", got)
	}
}
