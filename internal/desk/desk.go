package desk

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"fahuo/internal/ledger"
)

// Options are what a desk is made of. The desk closes none of what it is handed.
type Options struct {
	Book  *ledger.Ledger
	Users *Users
	Log   zerolog.Logger

	// SecureCookies says that browsers reach the desk by https: cookies are marked Secure and bound to the host.
	SecureCookies bool

	// SheetRows is how many rows an XLSX export may have, the header included; 0: as many as a sheet takes.
	SheetRows int64

	// Proxies are those whose X-Forwarded-For says from where a browser comes.
	Proxies []netip.Prefix
}

// Desk is the assembled program: a handler, and the acts over many shipments that it has under way.
type Desk struct {
	o        Options
	pages    map[string]*language
	attempts *attempts
	counts   *cache
	handler  http.Handler

	sheetRows int64 // rows of an XLSX sheet, the header included

	ctx     context.Context // ends when Stop begins
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu    sync.Mutex
	bulks map[int64]bool // acts over many that this process has in hand

	previews map[string]*preparing // that are being made, by token
	patience time.Duration         // of a request for a preview

	countPatience time.Duration // of a list for the number of its rows

	importer importer
	uploads  *uploads
}

// New puts a desk together. Nothing is listened on: Handler is for a server of the caller's.
func New(o Options) (*Desk, error) {
	if o.Book == nil || o.Users == nil {
		return nil, errors.New("a desk needs a ledger and users")
	}
	pages, err := parseLanguages()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	d := &Desk{o: o, pages: pages, attempts: newAttempts(), counts: newCache(), sheetRows: sheetRows, ctx: ctx, cancel: cancel, bulks: make(map[int64]bool)}
	if o.SheetRows > 0 {
		d.sheetRows = o.SheetRows
	}
	d.previews, d.patience, d.countPatience = make(map[string]*preparing), previewPatience, countPatience
	d.importer, d.uploads = intakeOf{o.Book}, newUploads()
	o.Users.complain(func(err error) {
		o.Log.Warn().Err(err).Msg("the users file cannot be read; whoever was in it before may log in")
	})
	d.handler = d.routes()
	return d, nil
}

// Handler answers every request to the desk.
func (d *Desk) Handler() http.Handler { return d.handler }

// Stop waits for the step that an act over many is in, and for the rows that an import is just handing over; the rest of
// it waits for somebody to go on with it. Files that nobody has confirmed are removed.
func (d *Desk) Stop() {
	d.mu.Lock() // nobody is just beginning something
	d.cancel()
	d.mu.Unlock()
	d.running.Wait()
	d.uploads.stop()
}

// sessionLasts is how long somebody stays logged in.
const sessionLasts = 12 * time.Hour
