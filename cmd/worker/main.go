// Command worker ships: it takes shipments from the ledger and the queue and calls Alipay for each, at
// the pace that Alipay asks for. See `worker --help`.
package main

import (
	"context"
	"io"
	"os"

	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"

	"fahuo/internal/settings"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], streams{os.Stdout, os.Stderr}))
}

// streams are what a command writes to.
type streams struct{ out, err io.Writer }

// cli is everything that can be said on the command line.
type cli struct {
	settings.Common

	Run         runCmd         `cmd:"" default:"withargs" help:"Ship what is queued, until stopped. The default."`
	Check       checkCmd       `cmd:"" help:"Test accounts, gateway and surroundings step by step, and ship one trade if told to; before going live."`
	Accounts    accountsCmd    `cmd:"" help:"List the accounts and their holds."`
	Hold        holdCmd        `cmd:"" help:"Put an account on hold: nothing is called for it until it is released."`
	Release     releaseCmd     `cmd:"" help:"Lift an account's hold."`
	Healthcheck healthcheckCmd `cmd:"" help:"Ask a running worker's /healthz; for container health checks."`
}

func run(ctx context.Context, args []string, s streams) int {
	if err := enterSandbox(args); err != nil {
		return settings.Report("worker", s.err, settings.Usage(err))
	}
	return settings.Main(ctx, "worker", "Ships: calls Alipay for each queued shipment, at the pace it asks for.", &cli{}, args, s.out, s.err, s)
}

// logger writes to standard error as the settings say.
func (c *cli) logger(s streams) zerolog.Logger {
	file, ok := s.err.(*os.File)
	return c.Logger(s.err, ok && isatty.IsTerminal(file.Fd()))
}
