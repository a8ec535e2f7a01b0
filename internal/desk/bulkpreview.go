package desk

import (
	"context"
	"crypto/rand"
	"net/http"
	"strconv"
	"time"

	"fahuo/internal/ledger"
)

// preparing is a preview that is being made. It is this process's alone: after a restart it is ordered again.
type preparing struct {
	order ledger.BulkOrder
	began time.Time
	ready chan struct{} // closed when the rest is there
	id    int64
	err   error
}

const (
	previewPatience = 2 * time.Second // how long a request waits for a preview before it shows that it is being made
	previewKept     = time.Hour       // how long one is kept under its token
)

// preview has it written down what an act would be done to, and goes there. A long one is made while the page says so.
func (q *request) preview(order ledger.BulkOrder) error {
	token, p := q.d.prepare(order)
	if p == nil {
		return &problem{http.StatusServiceUnavailable, "error.stopping"}
	}
	patience := time.NewTimer(q.d.patience)
	defer patience.Stop()
	select {
	case <-p.ready:
		q.d.forget(token)
		if p.err != nil {
			return p.err
		}
		return q.redirect(bulkPath(p.id))
	case <-patience.C:
		return q.redirect("/bulk/preparing/" + token)
	case <-q.Context().Done():
		return q.Context().Err()
	}
}

// prepare makes a preview beside the request, so that nobody has to wait for it in one; nil when the desk stops.
func (d *Desk) prepare(order ledger.BulkOrder) (token string, p *preparing) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ctx.Err() != nil {
		return "", nil
	}
	for old, p := range d.previews {
		if time.Since(p.began) > previewKept {
			delete(d.previews, old)
		}
	}
	token, p = rand.Text(), &preparing{order: order, began: time.Now(), ready: make(chan struct{})}
	d.previews[token] = p
	d.running.Go(func() {
		defer close(p.ready)
		b, err := d.o.Book.Preview(d.ctx, order)
		p.id, p.err = b.ID, err
	})
	return token, p
}

func (d *Desk) forget(token string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.previews, token)
}

// preparingView is the page that is shown while a preview is being made.
type preparingView struct {
	Act       ledger.Act
	Back      string
	Described []string
	Took      time.Duration
}

func (q *request) preparingPage() error {
	q.d.mu.Lock()
	p := q.d.previews[q.PathValue("token")]
	q.d.mu.Unlock()
	if p == nil || p.order.Actor != q.user.Name {
		return &problem{http.StatusNotFound, "bulk.gone"}
	}
	select {
	case <-p.ready:
	default:
		described, err := q.describe(p.order.Filter)
		if err != nil {
			return err
		}
		return q.page(http.StatusOK, "preparing", preparingView{p.order.Act, deadList(p.order.Filter), described, time.Since(p.began)})
	}
	if p.err != nil {
		return p.err
	}
	// Shown here, too: what reads the page again every few seconds follows no redirect.
	return q.showBulk(p.id)
}

func bulkPath(id int64) string { return "/bulk/" + strconv.FormatInt(id, 10) }

// carryOn goes on with an act over many until it is over, unless this process has it in hand already. When the desk
// stops, it stops after a step; whoever looks at it later goes on.
func (d *Desk) carryOn(id int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.bulks[id] || d.ctx.Err() != nil {
		return
	}
	d.bulks[id] = true
	d.running.Go(func() {
		defer func() {
			d.counts.empty()
			d.mu.Lock()
			defer d.mu.Unlock()
			delete(d.bulks, id)
		}()
		for d.ctx.Err() == nil {
			over, err := d.stepBulk(id)
			if err != nil {
				d.o.Log.Error().Err(err).Int64("bulk", id).Msg("an act over many was broken off; its page offers to go on")
				return
			}
			if over {
				return
			}
		}
	})
}

// stepBulk ends a step that was begun also when the desk stops: it is one transaction and takes a moment.
func (d *Desk) stepBulk(id int64) (over bool, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(d.ctx), 30*time.Second)
	defer cancel()
	return d.o.Book.StepBulk(ctx, id)
}

// inHand tells whether this process is at an act over many.
func (d *Desk) inHand(id int64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.bulks[id]
}
