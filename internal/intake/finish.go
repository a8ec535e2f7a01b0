package intake

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"fahuo/internal/ledger"
)

// finish writes down what was refused and asks when the batch will be done. It is done for an import that
// was stopped, too.
func (r *run) finish(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), acceptTimeout)
	defer cancel()
	sortByLine(r.refused)
	for _, row := range r.refused {
		r.sum.Rejections = append(r.sum.Rejections, row.Rejection)
	}
	slices.SortStableFunc(r.others, func(a, b string) int { return cmp.Compare(r.rowsIn[b], r.rowsIn[a]) })
	r.sum.Elsewhere.Batches = len(r.others)
	r.sum.AlreadyIn = r.others[:min(len(r.others), alreadyShown)]
	r.sum.Accounts = slices.Sorted(maps.Keys(r.more))
	err := r.keepRefused()
	if r.DryRun {
		eta, ok, etaErr := r.book.ETAOfMore(ctx, r.more)
		if ok && r.sum.Accepted > 0 {
			r.sum.ETA = Time{eta}
		}
		return errors.Join(err, etaErr)
	}
	return errors.Join(err, r.noteRejected(ctx), r.foresee(ctx))
}

// noteRejected tells the ledger how many rows of the batch were refused. Where accounts that rows may not name are in a
// batch of the same name, it is theirs, and the number is about their rows. If they come into it this very moment the
// number may be of either.
func (r *run) noteRejected(ctx context.Context) error {
	if r.Only != nil {
		partners, err := r.book.PartnersIn(ctx, ledger.Scope{Batch: r.Batch})
		if err != nil || slices.ContainsFunc(partners, r.foreign) {
			return err
		}
	}
	return r.book.SetRejected(ctx, r.Batch, int64(r.sum.Rejected+r.sum.Conflicts))
}

func (r *run) foreign(partner string) bool { return !slices.Contains(r.Only, partner) }

// foresee reckons when the batch will be done, or what of it belongs to the accounts that rows may name.
func (r *run) foresee(ctx context.Context) error {
	scopes := []ledger.Scope{{Batch: r.Batch}}
	if r.Only != nil {
		partners, err := r.book.PartnersWaiting(ctx, scopes[0])
		if err != nil {
			return err
		}
		scopes = scopes[:0]
		for _, partner := range slices.DeleteFunc(partners, r.foreign) {
			scopes = append(scopes, ledger.Scope{Batch: r.Batch, Partner: partner})
		}
	}
	var last time.Time
	for _, scope := range scopes {
		eta, ok, err := r.book.ETA(ctx, scope)
		if err != nil || !ok {
			return err
		}
		if eta.After(last) {
			last = eta
		}
	}
	r.sum.ETA = Time{last}
	return nil
}
