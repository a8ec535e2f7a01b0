// Command desk serves the web page where support staff see what happened and settle what the worker could not. It
// opens the ledger and nothing else. See `desk --help`.
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
	os.Exit(run(context.Background(), os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}))
}

// streams are what a command reads from and writes to.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// cli is everything that can be said on the command line.
type cli struct {
	settings.Book

	Serve serveCmd `cmd:"" default:"withargs" help:"Serve the page, until stopped. The default."`
	User  userCmd  `cmd:"" help:"Who may log in."`
}

func run(ctx context.Context, args []string, s streams) int {
	return settings.Main(ctx, "desk", "Serves the page where people see what happened and settle dead letters.", &cli{}, args, s.out, s.err, s)
}

// logger writes to standard error as the settings say.
func (c *cli) logger(s streams) zerolog.Logger {
	file, ok := s.err.(*os.File)
	return c.Logger(s.err, ok && isatty.IsTerminal(file.Fd()))
}
