package alipaytest

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"
)

// Path is where the gateway answers, as Alipay's does.
const Path = "/gateway.do"

// Header is in every answer, so that nobody takes it for Alipay's.
const (
	Header      = "X-Simulated-Gateway"
	HeaderValue = "this is not Alipay"
)

// seedStream is the second half of the generator's seed; any constant will do.
const seedStream = 0x66616875_6f000001

// Gateway is the simulated gateway: an http.Handler with trades, faults and a record.
type Gateway struct {
	options  Options
	accounts map[string]*Account // by partner; fixed
	mux      *http.ServeMux
	closed   chan struct{} // closed by Close: nothing hangs any longer
	close    func()
	running  sync.RWMutex // held for reading by every request being handled

	logging sync.Mutex // one call of Options.Log at a time

	mu       sync.Mutex
	random   *rand.Rand
	trades   map[string]Trade    // by number
	refusals map[string]string   // account codes in force, by partner
	refused  map[string]*refused // trades answered TRADE_STATUS_NOT_AVAILD, by number
	calls    map[string]int      // ship calls, by trade number
	lines    map[string]*line    // by partner as claimed
	notices  map[string]issued   // by notify_id
	faults   []Fault
	arrivals []Arrival
	breaches []Breach
	event    chan struct{} // closed at the next event
}

// New is a gateway with the given settings. Start and Listen give it a server as well. It panics on a fault
// that Validate refuses.
func New(o Options) *Gateway {
	closed := make(chan struct{})
	g := &Gateway{
		options: o, accounts: make(map[string]*Account), mux: http.NewServeMux(),
		closed: closed, close: sync.OnceFunc(func() { close(closed) }),
		random: rand.New(rand.NewPCG(o.Seed, seedStream)), //nolint:gosec // repeatable, not secret
		trades: make(map[string]Trade), refusals: make(map[string]string), refused: make(map[string]*refused),
		calls: make(map[string]int), lines: make(map[string]*line), notices: make(map[string]issued), event: make(chan struct{}),
	}
	for _, a := range o.Accounts {
		g.accounts[a.Credentials.Partner] = &a
		g.refusals[a.Credentials.Partner] = a.Refuse
	}
	for _, t := range o.Trades {
		g.PutTrade(t)
	}
	g.Inject(o.Faults...)
	g.mux.HandleFunc(Path, g.gatewayDo)
	g.mux.HandleFunc("GET /{$}", about)
	g.control()
	return g
}

// ServeHTTP answers one request.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.running.RLock()
	defer g.running.RUnlock()
	w.Header().Set(Header, HeaderValue)
	if ahead := g.options.ClockAhead; ahead != 0 {
		w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
	}
	g.mux.ServeHTTP(w, r)
}

// Close lets go of every request that hangs, and waits for all. A server in front of the gateway must take
// no new requests by then; Server.Close sees to that.
func (g *Gateway) Close() {
	g.close()
	g.running.Lock() // once nobody reads
	defer g.running.Unlock()
}

// SetAccountRefusal answers every well-formed request of an account with a code, as Alipay does when
// something is wrong with the account; an empty code lifts it.
func (g *Gateway) SetAccountRefusal(partner, code string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refusals[partner] = code
	g.changed()
}

// connKey is under which ConnContext keeps a request's connection.
type connKey struct{}

// ConnContext is for http.Server.ConnContext of a server that one makes oneself: with the connection at
// hand the gateway knows at any instant whether the caller is still there.
func (g *Gateway) ConnContext(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

func about(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, "This is not Alipay. It is Fahuo's simulated gateway, for tests and for trying things out: nothing that\n"+
		"happens here moves goods or money. It answers at "+Path+"; what it has seen is at "+recordPath+".\n")
}
