package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// list reads all rows of a query through scan.
func list[T any](ctx context.Context, l *Ledger, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	ctx, cancel := context.WithTimeout(ctx, operationLimit)
	defer cancel()
	return listIn(ctx, l.read, l.dialect, scan, query, args...)
}

// listIn is list in a transaction.
func listIn[T any](ctx context.Context, db querier, d dialect, scan func(scanner) (T, error), query string, args ...any) (out []T, err error) {
	rows, err := db.QueryContext(ctx, d.bind(query), args...)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// first reads one row; sql.ErrNoRows when there is none.
func first[T any](ctx context.Context, l *Ledger, scan func(scanner) (T, error), query string, args ...any) (T, error) {
	all, err := list(ctx, l, scan, query, args...)
	if err == nil && len(all) == 0 {
		err = sql.ErrNoRows
	}
	if err != nil {
		var none T
		return none, err
	}
	return all[0], nil
}

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

type scanner interface{ Scan(dest ...any) error }
