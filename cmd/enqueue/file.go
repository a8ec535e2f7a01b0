package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"fahuo/internal/beijing"
	"fahuo/internal/intake"
	"fahuo/internal/ledger"
	"fahuo/internal/settings"
	"fahuo/internal/shipment"
)

type fileCmd struct {
	File    string `arg:"" help:"The file; - is standard input. A workbook (xlsx), CSV with a header in UTF-8, GBK or GB18030, or JSON lines."`
	Partner string `placeholder:"PARTNER" help:"The account of every row. Default: the file's column, else ALIPAY_PARTNER, else the only account that the ledger knows."`
	Batch   string `placeholder:"NAME" help:"A name to follow the rows by. Default: the file's name and time."`
	Urgent  bool   `help:"Ahead of everything of that account that is not urgent."`
	Format  string `enum:"auto,csv,xlsx,jsonl" default:"auto" help:"csv, xlsx or jsonl, or auto: told by content."`
	Sheet   string `placeholder:"NAME" help:"The sheet of a workbook. Default: the only visible one with a header."`
	DryRun  bool   `help:"Check everything, queue nothing. Refused rows are written to their file all the same."`
	Strict  bool   `help:"Queue nothing if any row is refused."`
	JSON    bool   `name:"json" help:"Print the summary as JSON on standard output and nothing else there."`

	fallback string // ALIPAY_PARTNER
	named    bool   // --batch was given
	format   intake.Format
}

// check looks at the flags alone and completes them.
func (c *fileCmd) check(now time.Time) (faults []error) {
	c.fallback = strings.TrimSpace(os.Getenv("ALIPAY_PARTNER"))
	c.Partner, c.Batch = strings.TrimSpace(c.Partner), strings.TrimSpace(c.Batch)
	if c.named = c.Batch != ""; !c.named {
		c.Batch = defaultBatch(c.File, now)
	}
	var err error
	if c.format, err = intake.ParseFormat(c.Format); err != nil {
		faults = append(faults, fmt.Errorf("--format: %w", err))
	}
	if err := shipment.CheckPartner(c.Partner); c.Partner != "" && err != nil {
		faults = append(faults, fmt.Errorf("--partner: %w", err))
	}
	if err := shipment.CheckPartner(c.fallback); c.fallback != "" && c.Partner == "" && err != nil {
		faults = append(faults, fmt.Errorf("ALIPAY_PARTNER: %w", err))
	}
	if err := shipment.CheckBatch(c.Batch); err != nil {
		faults = append(faults, fmt.Errorf("--batch: %w", err))
	}
	return faults
}

// defaultBatch is the file's name and the time, as one word for a command line.
func defaultBatch(path string, now time.Time) string {
	name := path
	if i := strings.LastIndexAny(path, `/\`); i >= 0 {
		name = path[i+1:]
	}
	if path == intake.Stdin {
		name = "stdin"
	}
	name = intake.Word(name)
	if runes := []rune(name); len(runes) > 100 {
		name = string(runes[:100])
	}
	return name + now.In(beijing.Zone).Format("-20060102-150405")
}

// Run is `enqueue file`.
func (c *fileCmd) Run(ctx context.Context, g *cli, s streams) error {
	if err := errors.Join(append(g.Validate(), c.check(time.Now())...)...); err != nil {
		return settings.Usage(err)
	}
	log := g.logger(s)
	sum, err := c.importFile(ctx, g, s, log)
	if settings.IsUsage(err) && sum.Accepted == 0 {
		return err
	}
	if err != nil {
		sum.Error = err.Error()
	}
	return errors.Join(c.print(s.out, sum), c.verdict(sum, err))
}

// verdict is what the exit code is made of.
func (c *fileCmd) verdict(sum intake.Summary, err error) error {
	switch {
	case err != nil && sum.Accepted > 0:
		return fmt.Errorf("%w (%s accepted before that and stay)", err, rows(sum.Accepted))
	case err != nil:
		return err
	case !sum.Refused():
		return nil
	case c.Strict:
		return fmt.Errorf("%s refused, so nothing was queued (--strict)", rows(sum.Conflicts+sum.Rejected))
	}
	return fmt.Errorf("%s not taken (%d refused, %d in conflict)", rows(sum.Conflicts+sum.Rejected), sum.Rejected, sum.Conflicts)
}

// importFile does everything but telling. The summary is true whatever the error.
func (c *fileCmd) importFile(ctx context.Context, g *cli, s streams, log zerolog.Logger) (sum intake.Summary, err error) {
	sum = intake.Summary{Batch: c.Batch, Rejections: []intake.Rejection{}}
	source, err := intake.Open(c.File, s.in, intake.OpenOptions{Format: c.format, Sheet: c.Sheet})
	if errors.Is(err, fs.ErrNotExist) {
		return sum, c.notThere()
	}
	if err != nil {
		return sum, err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	if c.named {
		source.NameRejected(c.Batch)
	}
	log.Debug().Stringer("format", source.Format).Stringer("encoding", source.Encoding).Str("sheet", source.Sheet).Int64("lines", source.Lines).Msg("file opened")
	// From here on a signal stops between two transactions; a second one ends the process at once. Before,
	// the first does: nothing has been accepted, and standard input may never end.
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return sum, g.withLedger(ctx, s, ledger.Open, nil, func(book *ledger.Ledger) error {
		belt, err := reach(ctx, g, book)
		if err != nil {
			return err
		}
		defer belt.close(log)
		more, stop := belt.alongside(ctx)
		bar := newBar(s, source.Lines, c.JSON)
		sum, err = intake.Import(ctx, book, source, intake.Options{
			Partner: c.Partner, DefaultPartner: c.fallback, Batch: c.Batch, Urgent: c.Urgent, DryRun: c.DryRun, Strict: c.Strict,
			Actor: settings.Person(), Warn: func(m intake.Warning) { log.Warn().Msg(m.String()) }, Progress: bar.set, Taken: more,
		})
		bar.end()
		stop()
		if errors.Is(err, intake.ErrAccount) {
			return settings.Usage(err)
		}
		if !c.DryRun {
			err = errors.Join(err, belt.deliver(ctx, log))
		}
		if sum.Accepted > 0 && !c.DryRun {
			warnUnserved(context.WithoutCancel(ctx), book, ledger.Scope{Batch: sum.Batch}, log)
		}
		return err
	})
}

// notThere says that there is no such file; what does not look like one may have been meant for a command.
func (c *fileCmd) notThere() error {
	if strings.ContainsAny(c.File, `./\`) {
		return fmt.Errorf("there is no file %q; is its name spelt right, and the directory?", c.File)
	}
	return settings.Usage(fmt.Errorf("there is no file %q, and no such command (enqueue --help)", c.File))
}

func rows(n int) string {
	if n == 1 {
		return "1 row was"
	}
	return fmt.Sprintf("%d rows were", n)
}
