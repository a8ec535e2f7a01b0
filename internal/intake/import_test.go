package intake

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
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
			if got.Refused() != (got.RejectedFile != nil) || got.ETA.IsZero() != (c.want.Accepted == 0) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// What is only checked, and what is refused as a whole, keeps nobody from the ledger: nothing is written for it, however
// many rows there are, and others write in between.
func TestCheckingWritesNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		o    Options
		rows string
		want Summary
	}{
		"a dry run":           {Options{DryRun: true}, trade(1) + ",顺丰速运,SF1\n" + trade(chunk+1) + ",圆通,SF1\n", Summary{Accepted: 2*chunk + 1, Already: 1, Conflicts: 1}},
		"strict, a wrong row": {Options{Strict: true}, "x,x,x\n", Summary{Rejected: 1}},
		"strict, a conflict":  {Options{Strict: true}, trade(1) + ",圆通,SF1\n", Summary{Conflicts: 1}},
	} {
		book := openBook(t, partner)
		var written []string
		book.Observe(func(op string, _ time.Duration) { written = append(written, op) })
		chunks := 0
		c.o.Batch = "b"
		c.o.Progress = func(int64) { chunks++ }
		got := imported(t, book, file(t, many(2*chunk+1)+c.rows), c.o)
		if slices.Contains(written, "accept") || total(t, book) > 0 {
			t.Errorf("%s: written %v", name, written)
		}
		if got.Accepted != c.want.Accepted || got.Already != c.want.Already || got.Conflicts != c.want.Conflicts || got.Rejected != c.want.Rejected {
			t.Errorf("%s: got %+v", name, got)
		}
		if c.o.DryRun && chunks != 3 {
			t.Errorf("%s: %d parts", name, chunks)
		}
		if !c.o.DryRun {
			continue
		}
		c.o.DryRun = false
		if done := imported(t, book, file(t, many(2*chunk+1)+c.rows), c.o); done.Accepted != got.Accepted || done.Already != got.Already || !slices.Equal(done.Rejections, got.Rejections) {
			t.Errorf("%s: %+v, then %+v", name, got, done)
		}
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
