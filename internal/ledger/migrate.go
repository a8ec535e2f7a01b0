package ledger

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

type migrationOption = goose.ProviderOption

// migrate brings the ledger up to date. Each step is one transaction, so of two processes that start at once
// the slower one fails at a step that is already done, and finds it done when it looks again. Somebody who
// has the ledger locked is waited for, a minute long.
func (l *Ledger) migrate(ctx context.Context) error {
	const attempts = 40
	start := time.Now()
	for try := 1; ; {
		err := l.migrateOnce(ctx)
		if err == nil || try == attempts || time.Since(start) > operationLimit {
			return err
		}
		if !l.dialect.inTheWay(err) {
			try++
		}
		if pause(ctx, jitter(50*time.Millisecond)) != nil {
			return err
		}
	}
}

func (l *Ledger) migrateOnce(ctx context.Context) error {
	steps, err := l.migrations()
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	options, err := l.dialect.migrating()
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	options = append(options, goose.WithGoMigrations(steps...), goose.WithDisableGlobalRegistry(true))
	provider, err := goose.NewProvider(l.dialect.goose, l.write, nil, options...)
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// migrations are the files, each a step named by its number, with the database's own words put in.
func (l *Ledger) migrations() ([]*goose.Migration, error) {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	steps := make([]*goose.Migration, len(names))
	for i, name := range names {
		text, err := migrationFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		number, _, _ := strings.Cut(path.Base(name), "_")
		version, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		query := strings.NewReplacer("AUTO_ID", l.dialect.autoID, " BYTEWISE", l.dialect.bytewise).Replace(string(text))
		steps[i] = goose.NewGoMigration(version, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, query) // without parameters: several statements at once are allowed
			return err
		}}, nil)
	}
	return steps, nil
}
