// Command enqueue hands shipments over: it takes a file into the ledger and puts its rows in line, shows
// how far a batch has got, waits for it, and cancels what was not called yet. See `enqueue --help`.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"

	"fahuo/internal/ledger"
	"fahuo/internal/settings"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}))
}

// streams are what a command reads from and writes to: results to out, everything else to err.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// cli is everything that can be said on the command line.
type cli struct {
	settings.Common

	File     fileCmd     `cmd:"" default:"withargs" help:"Take a file of shipments in. The default: enqueue FILE."`
	Template templateCmd `cmd:"" help:"Write an empty workbook (xlsx) for clerks to fill in."`
	Status   statusCmd   `cmd:"" help:"Show how far a batch or an account has got."`
	Wait     waitCmd     `cmd:"" help:"Wait until a batch is shipped: exit code 0 when all of it is, 1 when some are dead or closed."`
	Cancel   cancelCmd   `cmd:"" help:"Close what is queued and was never called; the rest is left and named."`
	Events   eventsCmd   `cmd:"" help:"Show what webhooks were told of outcomes, and have it told again."`
	Serve    serveCmd    `cmd:"" help:"Serve the HTTP API for order systems, until stopped."`
	Token    tokenCmd    `cmd:"" help:"Who may hand shipments over by the HTTP API."`
}

const description = "Hands shipments over: accepts them into the ledger, in order, once each, and follows them. No key is needed here."

func run(ctx context.Context, args []string, s streams) int {
	return settings.Main(ctx, "enqueue", description, &cli{}, args, s.out, s.err, s)
}

// terminal tells whether a person is looking at standard error.
func (s streams) terminal() bool {
	file, ok := s.err.(*os.File)
	return ok && isatty.IsTerminal(file.Fd())
}

func (c *cli) logger(s streams) zerolog.Logger { return c.Logger(s.err, s.terminal()) }

// openLedger is ledger.Open, or ledger.OpenExisting for commands that make nothing new.
type openLedger func(ctx context.Context, url string) (*ledger.Ledger, error)

// withLedger opens the ledger for one command once all settings are good; faults are the command's own.
func (c *cli) withLedger(ctx context.Context, s streams, open openLedger, faults []error, f func(*ledger.Ledger) error) (err error) {
	if err := ledger.Check(c.Ledger); err != nil {
		faults = append(faults, fmt.Errorf("--ledger (DATABASE_URL): %w", err))
	}
	if err := errors.Join(faults...); err != nil {
		return settings.Usage(err)
	}
	book, err := open(ctx, c.Ledger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, book.Close()) }()
	log := c.logger(s)
	log.Debug().Str("ledger", book.URL()).Msg("ledger open")
	return f(book)
}
