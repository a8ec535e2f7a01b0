package check

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"fahuo/internal/alipay"
	"fahuo/internal/ledger"
	"fahuo/internal/worker"
)

// run is one check under way.
type run struct {
	o     Options
	steps []Step
	book  *ledger.Ledger // nil: it could not be opened
	isNew bool           // the ledger was made by this check

	reachable string // why the gateway cannot be asked; empty: it can
}

// Run makes every step and reports. It fails no step for ctx's sake but those under way.
func Run(ctx context.Context, o Options) Report {
	r := &run{o: o}
	at := time.Now()
	r.configuration()
	r.files()
	r.clockSync()
	r.openLedger(ctx)
	r.redis(ctx)
	r.ledger(ctx)
	r.disk()
	r.dns(ctx)
	r.tls(ctx)
	for _, a := range o.Accounts {
		r.account(ctx, a)
	}
	if r.book != nil {
		if err := r.book.Close(); err != nil {
			r.fail(Ledger, "", "it cannot be closed: "+err.Error(), "look at its disk")
		}
	}
	report := Report{At: at, Gateway: o.Gateway, Steps: r.steps}
	report.OK = len(report.Failures()) == 0
	return report
}

// account makes the steps of one account.
func (r *run) account(ctx context.Context, a worker.Account) {
	v := &visit{run: r, a: a, partner: a.Credentials.Partner}
	v.demo()
	v.ask(ctx)
	v.hold(ctx)
	v.trade()
	v.ship(ctx)
	v.confirm(ctx)
	v.notified(ctx)
}

func (r *run) add(s Step) {
	if s.Warnings == nil {
		s.Warnings = []string{}
	}
	r.steps = append(r.steps, s)
}

func (r *run) pass(id ID, account, detail string, warnings ...string) {
	r.add(Step{ID: id, Account: account, Status: Passed, Detail: detail, Warnings: warnings})
}

func (r *run) fail(id ID, account, detail, do string) {
	r.add(Step{ID: id, Account: account, Status: Failed, Detail: detail, Do: do})
}

func (r *run) skip(id ID, account, why string) {
	r.add(Step{ID: id, Account: account, Status: Skipped, Detail: why})
}

// status is how a step went, of one account or of none.
func (r *run) status(id ID, account string) Status {
	for _, s := range r.steps {
		if s.ID == id && s.Account == account {
			return s.Status
		}
	}
	return ""
}

func (r *run) configuration() {
	if r.o.Fault != nil {
		r.add(Step{
			ID: Configuration, Status: Failed, Detail: r.o.Fault.Error(), Do: "correct what is named; docs/settings.md has every setting",
			Warnings: r.o.Warnings,
		})
		return
	}
	names := make([]string, len(r.o.Accounts))
	for i, a := range r.o.Accounts {
		names[i] = strings.TrimSpace(a.Credentials.Partner + " " + a.Name)
	}
	r.pass(Configuration, "", "it is whole; checked for "+strings.Join(names, ", "), r.o.Warnings...)
}

// least is how many files a worker needs besides those of its accounts.
const least, perAccount = 256, 8

func (r *run) files() {
	if r.o.Host == nil {
		r.skip(Files, "", "nothing is known of this host")
		return
	}
	n, err := r.o.Host.OpenFiles()
	need := uint64(least + perAccount*len(r.o.Accounts))
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		r.skip(Files, "", "this system does not tell how many files may be open")
	case err != nil:
		r.fail(Files, "", "the limit of open files cannot be read: "+err.Error(), "run the check as the worker's user, on the worker's host")
	case n < need:
		r.fail(Files, "", fmt.Sprintf("a process may have %d files open; with these accounts a worker needs %d", n, need),
			fmt.Sprintf("raise it: LimitNOFILE=%d in the unit, or ulimit -n %[1]d", max(need, 4096)))
	default:
		r.pass(Files, "", fmt.Sprintf("a process may have %d files open", n))
	}
}

func (r *run) clockSync() {
	if r.o.Host == nil {
		r.skip(ClockSync, "", "nothing is known of this host")
		return
	}
	kept, err := r.o.Host.Synchronized()
	switch {
	case err != nil:
		r.skip(ClockSync, "", "this system does not tell whether its clock is kept right: "+err.Error())
	case !kept:
		r.pass(ClockSync, "", "the kernel does not say that anything keeps this clock right",
			"run an NTP client that slews (chrony, systemd-timesyncd); in a container or a virtual machine the host may do it, and then this says nothing")
	default:
		r.pass(ClockSync, "", "the clock is kept right")
	}
}

// host is the gateway's name.
func (r *run) host() string {
	if r.o.Client == nil {
		return ""
	}
	return r.o.Client.Host()
}

func (r *run) local() bool { return alipay.IsLoopback(r.host()) }
