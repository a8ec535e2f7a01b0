package ledger

import (
	"context"
	"slices"
	"strconv"
	"time"

	"fahuo/internal/shipment"
)

// batchCount is how many shipments a transaction adds to which batches and accounts.
type batchCount struct {
	names    []string // in the order of first appearance, which is the same for everybody who hands over the same
	batches  map[string]int64
	partners []string
}

func (b *batchCount) add(s shipment.Shipment, n int64) {
	if !slices.Contains(b.partners, s.Partner) {
		b.partners = append(b.partners, s.Partner)
	}
	if s.Batch == "" {
		return
	}
	if b.batches == nil {
		b.batches = make(map[string]int64)
	}
	if _, known := b.batches[s.Batch]; !known {
		b.names = append(b.names, s.Batch)
	}
	b.batches[s.Batch] += n
}

func (b *batchCount) write(t *tx) error {
	slices.Sort(b.names) // two transactions that want the same rows must not wait for each other
	for _, name := range b.names {
		err := t.exec(`INSERT INTO batches (name, first_at, total) VALUES (?, ?, ?)
			ON CONFLICT (name) DO UPDATE SET total = batches.total + excluded.total`, name, t.now, b.batches[name])
		if err != nil {
			return err
		}
	}
	slices.Sort(b.partners)
	for _, partner := range b.partners {
		if err := t.knowAccount(partner); err != nil {
			return err
		}
	}
	return nil
}

// knowAccount makes sure that an account has a row, so that whoever looks through all accounts finds it.
func (t *tx) knowAccount(partner string) error {
	return t.exec(`INSERT INTO accounts (partner) VALUES (?) ON CONFLICT (partner) DO NOTHING`, partner)
}

// Batch is a name under which shipments were handed over.
type Batch struct {
	Name     string
	FirstAt  time.Time // when the first of them was accepted
	Total    int64     // shipments in it
	Rejected int64     // rows that were refused, conflicts included
	Counts   map[shipment.State]int64
}

// SetRejected notes how many rows were refused, conflicts included, when a batch was last handed over: those that
// were corrected and handed over again are refused no more.
func (l *Ledger) SetRejected(ctx context.Context, batch string, n int64) error {
	if batch == "" {
		return nil
	}
	return l.tx(ctx, "batch", func(t *tx) error {
		if n == 0 {
			return t.exec(`UPDATE batches SET rejected = 0 WHERE name = ? AND rejected > 0`, batch)
		}
		return t.exec(`INSERT INTO batches (name, first_at, rejected) VALUES (?, ?, ?)
			ON CONFLICT (name) DO UPDATE SET rejected = excluded.rejected`, batch, t.now, n)
	})
}

// Batches lists batches whose name begins with text, in upper or lower case, the newest first, from the one after the given; with an
// empty after from the newest.
func (l *Ledger) Batches(ctx context.Context, text string, after Batch, most int) ([]Batch, error) {
	c := &conditions{}
	if text != "" {
		c.add("name "+l.dialect.like+" ? ESCAPE '!'", literally(text)+"%")
	}
	if after.Name != "" {
		c.add("(first_at, name) < (?, ?)", after.FirstAt.UnixMicro(), after.Name)
	}
	where, args := c.where()
	batches, err := list(ctx, l, scanBatch, `SELECT name, first_at, total, rejected FROM batches WHERE `+where+
		` ORDER BY first_at DESC, name DESC LIMIT ?`, append(args, most)...)
	if err != nil {
		return nil, err
	}
	for i := range batches {
		if batches[i].Counts, err = l.countBatch(ctx, batches[i]); err != nil {
			return nil, err
		}
	}
	return batches, nil
}

// Batch reads one batch. ErrNotFound when there is none of that name.
func (l *Ledger) Batch(ctx context.Context, name string) (Batch, error) {
	b, err := first(ctx, l, scanBatch, `SELECT name, first_at, total, rejected FROM batches WHERE name = ?`, name)
	if err != nil {
		return Batch{}, orNotFound(err, "batch "+strconv.Quote(name))
	}
	b.Counts, err = l.countBatch(ctx, b)
	return b, err
}

// CountBatches counts batches whose name begins with text.
func (l *Ledger) CountBatches(ctx context.Context, text string) (int64, error) {
	return first(ctx, l, scanCount, `SELECT COUNT(*) FROM batches WHERE name `+l.dialect.like+` ? ESCAPE '!'`, literally(text)+"%")
}

func scanBatch(s scanner) (b Batch, err error) {
	var us int64
	err = s.Scan(&b.Name, &us, &b.Total, &b.Rejected)
	b.FirstAt = at(us)
	return b, err
}

// countBatch counts what is not shipped; the rest is. Most of an old batch is shipped, and need not be walked
// through.
func (l *Ledger) countBatch(ctx context.Context, b Batch) (map[shipment.State]int64, error) {
	counts := make(map[shipment.State]int64)
	rest := b.Total
	for _, state := range shipment.States() {
		if state == shipment.Shipped {
			continue
		}
		n, err := first(ctx, l, scanCount, `SELECT COUNT(*) FROM shipments WHERE batch = ? AND state = ?`, b.Name, string(state))
		if err != nil {
			return nil, err
		}
		counts[state] = n
		rest -= n
	}
	counts[shipment.Shipped] = rest
	return counts, nil
}
