package outcome_test

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"fahuo/internal/proctest"
)

// message is one that a receiver has had.
type message struct {
	ID, Type, TradeNo string
	Version           int64
	Body              string
	Acknowledged      bool
}

// receiver is an order system: it verifies with the published library and answers as it is told.
type receiver struct {
	t      *testing.T
	secret string
	answer func(n int, w http.ResponseWriter) (acknowledged bool) // nil: 204; n counts messages from 0

	mu      sync.Mutex
	got     []message
	changed chan struct{}
	server  *httptest.Server
	addr    string
}

func newReceiver(t *testing.T, secret string, answer func(int, http.ResponseWriter) bool) *receiver {
	t.Helper()
	r := &receiver{t: t, secret: secret, answer: answer, changed: make(chan struct{}), addr: "127.0.0.1:" + proctest.FreePort(t)}
	r.begin()
	t.Cleanup(r.end)
	return r
}

// begin starts it, each time at the same address.
func (r *receiver) begin() {
	r.t.Helper()
	l, err := new(net.ListenConfig).Listen(r.t.Context(), "tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.server = &httptest.Server{Listener: l, Config: &http.Server{Handler: r}} //nolint:gosec // nobody writes to it slowly
	r.server.Start()
}

// end cuts every connection and refuses new ones.
func (r *receiver) end() {
	r.server.CloseClientConnections()
	r.server.Close()
}

func (r *receiver) url() string { return "http://" + r.addr + "/alipay" }

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return // cut off
	}
	verifier, err := standardwebhooks.NewWebhook(r.secret)
	if err == nil {
		err = verifier.Verify(body, q.Header)
	}
	var said struct {
		ID, Type string
		Data     struct {
			TradeNo string `json:"trade_no"`
			Version int64  `json:"version"`
		}
	}
	if err == nil {
		err = json.Unmarshal(body, &said)
	}
	id := q.Header.Get(standardwebhooks.HeaderWebhookID)
	if err != nil || said.ID != id || q.Method != http.MethodPost || q.Header.Get("Content-Type") != "application/json" {
		r.t.Errorf("a message that cannot be verified: %v, %s %v %s", err, q.Method, q.Header, body)
	}
	r.mu.Lock()
	n := len(r.got)
	r.got = append(r.got, message{ID: id, Type: said.Type, TradeNo: said.Data.TradeNo, Version: said.Data.Version, Body: string(body)})
	r.mu.Unlock()
	acknowledged := true
	if r.answer == nil {
		w.WriteHeader(http.StatusNoContent)
	} else {
		acknowledged = r.answer(n, w)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got[n].Acknowledged = acknowledged
	close(r.changed)
	r.changed = make(chan struct{})
}

// messages are all so far, in the order in which they came.
func (r *receiver) messages() []message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]message(nil), r.got...)
}

// await waits until what has come so far is enough. It is looked at after every message.
func (r *receiver) await(what string, enough func([]message) bool) {
	r.t.Helper()
	last := time.NewTimer(2 * time.Minute)
	defer last.Stop()
	for {
		r.mu.Lock()
		changed := r.changed
		r.mu.Unlock()
		if enough(r.messages()) {
			return
		}
		select {
		case <-changed:
		case <-last.C:
			r.t.Fatalf("in vain: %s; %d messages came", what, len(r.messages()))
		}
	}
}

func acknowledgedIDs(got []message) map[string]bool {
	ids := make(map[string]bool)
	for _, m := range got {
		if m.Acknowledged {
			ids[m.ID] = true
		}
	}
	return ids
}
