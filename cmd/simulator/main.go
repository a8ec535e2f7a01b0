// Command simulator is a simulated gateway, which is not Alipay: it answers as Alipay would, misbehaves on
// demand, prints every call it gets and every law that a call breaks. See `simulator --help`.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"

	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/version"
)

// Exit codes of every command.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}

// run is the whole program; the result is its exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c, exit, err := parse(args, stdout, stderr)
	if err == nil && exit < 0 {
		exit, err = exitDone, c.serve(ctx, stdout)
	}
	if err == nil {
		return exit
	}
	_, _ = fmt.Fprintf(stderr, "simulator: %v\n", err)
	if taken := (addressError{}); errors.As(err, &taken) {
		return exitUsage
	}
	if usage := (usageError{}); errors.As(err, &usage) {
		_, _ = fmt.Fprintln(stderr, "simulator --help explains every flag")
		return exitUsage
	}
	return exitFailed
}

// usageError is a mistake in flags, variables or files; a person has to change something and start again.
type usageError struct{ error }

// Unwrap gives the cause.
func (e usageError) Unwrap() error { return e.error }

// addressError says that the address is taken or not ours: a usage error that no explanation of flags mends.
type addressError struct{ error }

// Unwrap gives the cause.
func (e addressError) Unwrap() error { return e.error }

// parse reads flags and variables. An exit code of 0 or above means that there is nothing more to do, as
// after --help.
func parse(args []string, stdout, stderr io.Writer) (*cli, int, error) {
	c := &cli{}
	exit := -1
	parser, err := kong.New(c,
		kong.Name("simulator"), kong.Description(description()), kong.Writers(stdout, stderr),
		kong.Vars{"version": version.String()},
		kong.Exit(func(code int) { exit = max(exit, code) }), // --help and --version
	)
	if err != nil {
		return nil, exit, err
	}
	_, err = parser.Parse(args)
	switch {
	case exit >= 0:
		return nil, exit, nil
	case err != nil:
		return nil, exit, usageError{err}
	}
	return c, exit, nil
}

// description is what --help says before the flags.
func description() string {
	var b strings.Builder
	b.WriteString(`A simulated gateway. It is not Alipay: nothing that happens here moves goods or money.

It checks every request as Alipay would, keeps a state for every trade and signs its answers. A trade number that it does not know is taken for a paid escrow trade. Each call is printed as one line: time, service, partner, trade, gap to the account's previous ship call, answer. Broken laws are printed after it, loudly. INT or TERM ends it with a report and exit code 0, whether or not laws were broken.

Other processes can read GET /_simulator/record and POST JSON to /_simulator/faults, /_simulator/trades and /_simulator/refusal.

A faults file lists the faults to come. Each is met once, or as often as times says (-1: always), by the first calls that fit:

  faults:
    - kind: system_error        # see below
      when: after               # before (default) or after the trade was shipped
      trade_no: "2014040311001004370000361525"   # default: any; partner likewise
      service: ship             # default; or query
      times: 3
    - {kind: slow, delay: 5s, chance: 0.1, times: -1}

Kinds of faults:
`)
	for _, k := range alipaytest.Kinds() {
		fmt.Fprintf(&b, "\n  %-23s %s", k, k.Means())
	}
	b.WriteString(`

A trades file lists trades in a state of their own:

  trades:
    - {trade_no: "2014040311001004370000361525", status: COD_WAIT_SELLER_SEND_GOODS}
    - {trade_no: "2014040311001004370000361526", status: TRADE_CLOSED, partner: "2088..."}`)
	return b.String()
}
