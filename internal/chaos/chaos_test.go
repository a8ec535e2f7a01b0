package chaos_test

import (
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/chaos"
	"fahuo/internal/proctest"
	"fahuo/internal/shipment"
)

// What make chaos sets; make test runs with what stands here.
var (
	span      = flag.Duration("chaos.span", time.Minute, "how long faults strike")
	seed      = flag.Uint64("chaos.seed", 0, "replays a schedule; 0: a new one")
	ledgers   = flag.String("chaos.ledger", "", "sqlite or postgres; empty: one after the other")
	accounts  = flag.Int("chaos.accounts", 20, "accounts")
	shipments = flag.Int("chaos.shipments", 700, "shipments handed over during the span")

	paceSpan     = flag.Duration("pace.span", 20*time.Second, "how long the pace is measured while workers are killed")
	paceInterval = flag.Duration("pace.interval", time.Second, "the interval then")
	paceAccounts = flag.Int("pace.accounts", 10, "the accounts then, all with work at all times")
	paceKills    = flag.Int("pace.kills", 5, "how many workers are killed")
	mountain     = flag.Int("overload.mountain", 20000, "shipments of the one account that has too many")
	overloadFor  = flag.Duration("overload.for", 10*time.Second, "how long the workers work at least; two minutes see it compared with Redis twice")

	paceMean = flag.Duration("pace.mean", 0, "the largest mean gap that is good enough; 0: no limit, on a machine that does other things")
)

var program string

func TestMain(m *testing.M) {
	flag.Parse()
	dir, err := proctest.Build("worker")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	program = filepath.Join(dir, "worker")
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// TestChaos lets every fault strike, over each ledger, and checks all laws afterwards.
func TestChaos(t *testing.T) {
	for _, name := range []string{"sqlite", "postgres"} {
		if *ledgers != "" && *ledgers != name {
			continue
		}
		t.Run(name, func(t *testing.T) {
			if *ledgers == "" {
				t.Parallel()
			}
			report := run(t, chaos.Config{
				Program: program, Postgres: name == "postgres", Span: *span, Doses: chaos.EveryFault(name == "postgres"), GateFaults: 0.2, Workers: 4,
				Accounts: *accounts, Shipments: *shipments, Interval: 100 * time.Millisecond, CallTimeout: time.Second,
			})
			if report.Struck[chaos.Kill] == 0 || report.Struck[chaos.Stop] == 0 {
				t.Errorf("too quiet: %v", report.Struck)
			}
		})
	}
}

// TestRaces is a smaller TestChaos with the race detector in the workers, which makes them several times as slow.
// What it finds is in their logs and their exit codes.
func TestRaces(t *testing.T) {
	if !raced {
		t.Skip("the workers have the race detector when this test has it: go test -race")
	}
	dir, err := proctest.BuildRaced("worker")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	run(t, chaos.Config{
		Program: filepath.Join(dir, "worker"), Span: 20 * time.Second, Doses: chaos.EveryFault(false), GateFaults: 0.2, Workers: 2,
		Accounts: 3, Shipments: 60, Interval: 200 * time.Millisecond, CallTimeout: 2 * time.Second,
	})
}

// TestAFullDisk fills up the ledger's disk, over each ledger: in a minute of every fault it is seldom its turn.
func TestAFullDisk(t *testing.T) {
	for _, name := range []string{"sqlite", "postgres"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report := run(t, chaos.Config{
				Program: program, Postgres: name == "postgres", Span: 15 * time.Second, Doses: []chaos.Dose{{Fault: chaos.LedgerFull, PerMinute: 8, Least: 2 * time.Second, Most: 4 * time.Second}},
				Workers: 2, Accounts: 3, Shipments: 90, Interval: 100 * time.Millisecond, CallTimeout: time.Second,
			})
			if report.Struck[chaos.LedgerFull] == 0 {
				t.Errorf("the disk was never filled up: %v, %v", report.Struck, report.Missed)
			}
		})
	}
}

// TestPaceUnderKills measures the gaps of accounts that always have work while workers are killed.
func TestPaceUnderKills(t *testing.T) {
	c := chaos.Config{
		Program: program, Span: *paceSpan, Doses: chaos.KillsOnly(float64(*paceKills) / paceSpan.Minutes()), Workers: 3, Accounts: *paceAccounts, AtOnce: true,
		// A few more than can be called, so that nobody runs out of work: what a killed worker had in hand comes
		// back half a minute later.
		Shipments: *paceAccounts * (int(*paceSpan / *paceInterval) + 4), Interval: *paceInterval, CallTimeout: 15 * time.Second,
	}
	report := run(t, c)
	gaps := report.Gaps(*paceSpan)
	if len(gaps) == 0 {
		t.Fatal("no gap was measured")
	}
	slices.Sort(gaps)
	var sum time.Duration
	for _, g := range gaps {
		sum += g
	}
	mean := sum / time.Duration(len(gaps))
	t.Logf("%d kills, %d gaps of %d accounts: min %v, p50 %v, p99 %v, max %v, mean %v (interval %v)", report.Struck[chaos.Kill], len(gaps), *paceAccounts,
		gaps[0], gaps[len(gaps)/2], gaps[len(gaps)*99/100], gaps[len(gaps)-1], mean, *paceInterval)
	if gaps[0] < *paceInterval {
		t.Errorf("a gap of %v", gaps[0])
	}
	if *paceMean > 0 && mean > *paceMean {
		t.Errorf("the mean gap is %v, asked for is %v", mean, *paceMean)
	}
}

// Without workers nothing is ever settled, and a task can be dropped once.
func TestARunTellsWhatIsNotSettledAndWhatDidNotStrike(t *testing.T) {
	report, err := chaos.Run(t.Context(), chaos.Config{
		Seed: 1, Span: 100 * time.Millisecond, Doses: []chaos.Dose{{Fault: chaos.Drop, PerMinute: 1800}}, Accounts: 1, Shipments: 1, AtOnce: true,
		Interval: time.Second, CallTimeout: time.Second, SettleIn: 300 * time.Millisecond, Out: t.Output(),
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(report.Violations, func(v chaos.Violation) bool {
		return v.Law == chaos.Settled && strings.Contains(v.Detail, "not everything was settled 300ms after")
	}) {
		t.Errorf("%v", report.Violations)
	}
	if struck, missed := report.Struck[chaos.Drop], report.Missed[chaos.Drop]; struck != 1 || missed != 2 {
		t.Errorf("one task was dropped %d times, and %d times there was none", struck, missed)
	}
}

// run runs one configuration and fails the test for every violation.
func run(t *testing.T, c chaos.Config) chaos.Report {
	t.Helper()
	c.Seed, c.SettleIn = *seed, 2*time.Minute // what is asked for
	if c.Span <= time.Minute {
		c.SettleIn = 5 * time.Minute // a part of make test, on a machine that does other things
	}
	if c.Seed == 0 {
		c.Seed = uint64(time.Now().UnixNano())
	}
	log, err := os.CreateTemp("", "fahuo-chaos-*.log") //nolint:usetesting // kept when the test fails
	if err != nil {
		t.Fatal(err)
	}
	c.Out = io.MultiWriter(log, t.Output())
	report, err := chaos.Run(t.Context(), c)
	tell(t, report)
	if err != nil {
		t.Errorf("%v", err)
	}
	for i, v := range report.Violations {
		if i == 20 {
			t.Errorf("… and %d more", len(report.Violations)-i)
			break
		}
		t.Errorf("%v", v)
		if i < 3 && v.Key != (shipment.Key{}) {
			t.Log("\n" + report.Record.Story(v.Key))
		}
	}
	if err := log.Close(); err != nil {
		t.Error(err)
	}
	if t.Failed() {
		t.Logf("replay the schedule with -chaos.seed=%d; what struck when is in %s", c.Seed, log.Name())
	} else if err := os.Remove(log.Name()); err != nil {
		t.Error(err)
	}
	return report
}

// tell prints a run's figures.
func tell(t *testing.T, r chaos.Report) {
	t.Helper()
	text := fmt.Sprintf("seed %d, settled %v after the last fault, %d violations, %d late writes\n", r.Seed, r.Settled.Round(100*time.Millisecond), len(r.Violations), r.Late)
	for _, f := range faultsIn(r.Struck, r.Missed) {
		text += fmt.Sprintf("  %4d × %s", r.Struck[f], f)
		if n := r.Missed[f]; n > 0 {
			text += fmt.Sprintf(", %d × there was nothing to strike", n)
		}
		text += "\n"
	}
	if r.Record != nil {
		states := make(map[shipment.State]int)
		for _, row := range r.Record.Rows {
			states[row.State]++
		}
		ships, queries, spoilt := 0, 0, 0
		for _, a := range r.Record.Arrivals {
			if a.Ship() {
				ships++
			} else {
				queries++
			}
			if a.Fault != alipaytest.NoFault {
				spoilt++
			}
		}
		text += fmt.Sprintf("  %d accepted: %v; the gateway saw %d ship calls and %d queries, and spoilt %d", len(r.Record.Accepted), states, ships, queries, spoilt)
	}
	t.Log(text)
}

func faultsIn(counts ...map[chaos.Fault]int) (faults []chaos.Fault) {
	for _, c := range counts {
		faults = slices.AppendSeq(faults, maps.Keys(c))
	}
	slices.Sort(faults)
	return slices.Compact(faults)
}
