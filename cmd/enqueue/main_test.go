package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/xuri/excelize/v2"

	"fahuo/internal/ledger"
	"fahuo/internal/proctest"
	"fahuo/internal/shipment"
)

// program is the real binary, built once; scripts and tests run it as processes of their own.
var program string

func TestMain(m *testing.M) { os.Exit(proctest.Main(m, "enqueue", &program, nil)) }

const partner = "2088000000000001"

func TestScripts(t *testing.T) {
	t.Parallel()
	redis := proctest.Redis(t)
	away := proctest.Deserted(t)
	var database atomic.Int32
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", filepath.Dir(program)+string(os.PathListSeparator)+e.Getenv("PATH"))
			// A database of its own for each script: a Redis belongs to one ledger.
			e.Setenv("REDIS_URL", fmt.Sprintf("redis://%s/%d", redis, database.Add(1)))
			e.Setenv("AWAY", "redis://"+away)
			e.Setenv("FAHUO_EMBEDDED_REDIS_ADDR", away)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": proctest.Exits, "announce": announce, "hold": hold, "becomes": becomes, "gbk": gbk, "heartbeat": heartbeat, "workbook": workbook,
		},
	})
}

// withBook lets a script change its ledger as a worker would.
func withBook(ts *testscript.TestScript, f func(context.Context, *ledger.Ledger) error) {
	ctx := context.Background()
	book, err := ledger.Open(ctx, "sqlite:"+ts.MkAbs("fahuo.db"))
	ts.Check(err)
	ts.Check(errors.Join(f(ctx, book), book.Close()))
}

// announce does what a worker does at its start: announce PARTNER NAME.
func announce(ts *testscript.TestScript, _ bool, args []string) {
	withBook(ts, func(ctx context.Context, book *ledger.Ledger) error {
		return book.Announce(ctx, []ledger.Account{{Partner: args[0], Name: args[1], Interval: 10 * time.Second}})
	})
}

// heartbeat does what a worker does all the time, and at its end: heartbeat PARTNER works|ends.
func heartbeat(ts *testscript.TestScript, _ bool, args []string) {
	withBook(ts, func(ctx context.Context, book *ledger.Ledger) error {
		return book.Heartbeat(ctx, "worker-1", args[:1], args[1] == "ends")
	})
}

// hold puts an account on hold: hold PARTNER CODE REASON.
func hold(ts *testscript.TestScript, _ bool, args []string) {
	withBook(ts, func(ctx context.Context, book *ledger.Ledger) error {
		_, err := book.SetHold(ctx, args[0], args[1], args[2], "worker")
		return err
	})
}

// becomes moves a shipment: becomes PARTNER:TRADE shipped|dead.
func becomes(ts *testscript.TestScript, _ bool, args []string) {
	withBook(ts, func(ctx context.Context, book *ledger.Ledger) error { return move(ctx, book, args[0], args[1]) })
}

func move(ctx context.Context, book *ledger.Ledger, key, state string) error {
	k, err := shipment.ParseKey(key)
	if err != nil {
		return err
	}
	row, err := book.Get(ctx, k)
	if err != nil {
		return err
	}
	m := ledger.Move{To: shipment.State(state)}
	if m.To == shipment.Dead {
		m.Reason = shipment.ReasonTradeNotExist
	}
	_, err = book.Settle(ctx, row, m, "worker")
	return err
}

// gbk writes a file's text anew in GBK: gbk FROM TO.
func gbk(ts *testscript.TestScript, _ bool, args []string) {
	out, err := encodeGBK(ts.ReadFile(args[0]))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(out), 0o600))
}

// workbook writes a CSV as a workbook, one sheet for each name: workbook FROM TO SHEET…. A value that begins with # is
// a number.
func workbook(ts *testscript.TestScript, _ bool, args []string) {
	rows, err := csv.NewReader(strings.NewReader(ts.ReadFile(args[0]))).ReadAll()
	ts.Check(err)
	f := excelize.NewFile()
	for _, sheet := range args[2:] {
		_, err := f.NewSheet(sheet)
		ts.Check(err)
		for y, row := range rows {
			for x, value := range row {
				at, err := excelize.CoordinatesToCellName(x+1, y+1)
				ts.Check(err)
				ts.Check(f.SetCellStr(sheet, at, value))
				if digits, ok := strings.CutPrefix(value, "#"); ok {
					n, err := strconv.ParseFloat(digits, 64)
					ts.Check(errors.Join(err, f.SetCellValue(sheet, at, n)))
				}
			}
		}
	}
	ts.Check(errors.Join(f.SaveAs(ts.MkAbs(args[1])), f.Close()))
}

// site is a directory with a ledger, and a Redis.
type site struct {
	dir string
	env []string
}

func newSite(t *testing.T, redis string) site {
	t.Helper()
	return site{dir: t.TempDir(), env: []string{"REDIS_URL=" + redis, "ALIPAY_PARTNER=" + partner}}
}

func (s site) write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (s site) book(t *testing.T) *ledger.Ledger {
	t.Helper()
	book, err := ledger.Open(t.Context(), "sqlite:"+filepath.Join(s.dir, "fahuo.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := book.Close(); err != nil {
			t.Error(err)
		}
	})
	return book
}

// trade is the n-th trade number.
func trade(n int) string {
	digits := strconv.Itoa(n)
	return "20261123" + strings.Repeat("0", 20-len(digits)) + digits
}
