// Package settings is what all commands have in common: where the ledger and Redis are, how to log, and
// how arguments are parsed and faults turned into exit codes.
//
// Exit codes: 0 done, 1 failed or partly refused, 2 wrong usage or configuration.
package settings

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/alecthomas/kong"
	"github.com/rs/zerolog"

	"fahuo/internal/ledger"
	"fahuo/internal/tasks"
	"fahuo/internal/version"
)

// Exit codes of every command.
const (
	ExitDone   = 0
	ExitFailed = 1
	ExitUsage  = 2
)

// Book are the settings of every command that opens the ledger, and how it logs.
type Book struct {
	Ledger    string           `env:"DATABASE_URL" default:"sqlite:fahuo.db" help:"The book: sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE."`
	LogFormat string           `env:"FAHUO_LOG_FORMAT" default:"auto" enum:"auto,console,json" help:"console, json, or auto: console on a terminal, else json."`
	LogLevel  string           `env:"FAHUO_LOG_LEVEL" default:"info" enum:"trace,debug,info,warn,error" help:"trace, debug, info, warn or error."`
	Version   kong.VersionFlag `help:"Print the version."`
}

// Validate checks the settings without opening anything, and returns every fault.
func (c *Book) Validate() []error {
	if err := ledger.Check(c.Ledger); err != nil {
		return []error{fmt.Errorf("--ledger (DATABASE_URL): %w", err)}
	}
	return nil
}

// Common are the settings of every command that puts something on the belt, too.
type Common struct {
	Book

	Redis             string `env:"REDIS_URL" default:"embedded" help:"The belt: redis://, rediss://, redis-sentinel://, redis-cluster://h1:p,h2:p, or embedded (inside the worker process)."`
	EmbeddedRedisAddr string `env:"FAHUO_EMBEDDED_REDIS_ADDR" default:"127.0.0.1:16379" help:"Where the embedded Redis listens; loopback only."`
}

// Validate checks the settings without opening anything, and returns every fault.
func (c *Common) Validate() []error {
	var faults []error
	if err := tasks.Check(c.Redis); err != nil {
		faults = append(faults, fmt.Errorf("--redis (REDIS_URL): %w", err))
	}
	faults = append(faults, c.Book.Validate()...)
	if err := tasks.CheckEmbedded(c.EmbeddedRedisAddr); err != nil {
		faults = append(faults, fmt.Errorf("--embedded-redis-addr (FAHUO_EMBEDDED_REDIS_ADDR): %w", err))
	}
	return faults
}

// Logger writes to w as the settings say.
func (c *Book) Logger(w io.Writer, terminal bool) zerolog.Logger {
	level, err := zerolog.ParseLevel(c.LogLevel)
	if err != nil {
		level = zerolog.InfoLevel
	}
	if c.LogFormat == "console" || (c.LogFormat == "auto" && terminal) {
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: time.DateTime, NoColor: !terminal}
	}
	return zerolog.New(w).Level(level).With().Timestamp().Logger()
}

// usageError is a fault of usage or configuration.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// Usage marks an error as one of usage or configuration: exit code 2.
func Usage(err error) error {
	if err == nil {
		return nil
	}
	return usageError{err}
}

// IsUsage tells whether an error is one of usage or configuration.
func IsUsage(err error) bool {
	var usage usageError
	return errors.As(err, &usage)
}

// errExited carries kong's wish to end, after --help or --version.
type errExited int

func (e errExited) Error() string { return fmt.Sprintf("exit %d", int(e)) }

// Main parses args into cli, runs the command that they name, and returns the exit code. Errors go to
// stderr, help and version to stdout. What is bound is handed to the command's Run.
func Main(ctx context.Context, name, description string, cli any, args []string, stdout, stderr io.Writer, bind ...any) (code int) {
	defer func() {
		if r := recover(); r != nil {
			exited, ok := r.(errExited)
			if !ok {
				panic(r)
			}
			code = int(exited)
		}
	}()
	parser, err := kong.New(cli, kong.Name(name), kong.Description(description), kong.Writers(stdout, stderr), kong.UsageOnError(),
		kong.Vars{"version": version.String()}, kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Exit(func(code int) { panic(errExited(code)) }), kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(bind...))
	if err != nil {
		return Report(name, stderr, Usage(err))
	}
	unsetEmpty(parser)
	parsed, err := parser.Parse(args)
	if err != nil {
		return Report(name, stderr, Usage(fmt.Errorf("%w (%s --help lists what there is)", err, name)))
	}
	return Report(name, stderr, parsed.Run(cli))
}

// unsetEmpty makes a variable that is set to nothing what people mean by it (NAME= in a compose file): not set.
func unsetEmpty(parser *kong.Kong) {
	_ = kong.Visit(parser.Model, func(node kong.Visitable, next kong.Next) error { // it has only our errors: none
		if flag, ok := node.(*kong.Flag); ok {
			for _, name := range flag.Envs {
				if os.Getenv(name) == "" {
					_ = os.Unsetenv(name) // a name without = and NUL
				}
			}
		}
		return next(nil)
	})
}

// Report prints an error, a line per fault, and gives the exit code.
func Report(name string, stderr io.Writer, err error) int {
	if err == nil {
		return ExitDone
	}
	_, _ = fmt.Fprintf(stderr, "%s: %v\n", name, err) // nobody else is left to tell
	if IsUsage(err) {
		return ExitUsage
	}
	return ExitFailed
}
