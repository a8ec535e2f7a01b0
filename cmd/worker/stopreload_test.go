package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"fahuo/internal/alipay"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// holding is a gateway in front of the site's that keeps an account's ship calls until it is told to let them go.
func (s *site) holding(account string) (address string, held <-chan context.Context, letGo func()) {
	s.t.Helper()
	behind, err := url.Parse(s.gateway.URL())
	s.must(err)
	through := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host = behind.Scheme, behind.Host
	}}
	here, gone := make(chan context.Context, 10), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if said := r.URL.RawQuery + "&" + string(body); strings.Contains(said, "partner="+account) && strings.Contains(said, "service="+alipay.ServiceShip) {
			here <- r.Context()
			select {
			case <-gone:
			case <-r.Context().Done():
				return
			}
		}
		through.ServeHTTP(w, r)
	}))
	s.t.Cleanup(server.Close)
	letGo = sync.OnceFunc(func() { close(gone) })
	s.t.Cleanup(letGo)
	return server.URL + behind.Path, here, letGo
}

// An account is taken out of the file while its call hangs, and then the worker is told to stop: the others stop at once,
// and do not call on until the call that hangs is over.
func TestAStopDoesNotWaitForAnAccountThatIsTakenOut(t *testing.T) {
	t.Parallel()
	s := newSite(t, 100*time.Millisecond, true)
	gateway, held, letGo := s.holding(partner)
	file := filepath.Join(s.dir, "accounts.yaml")
	write := func(partners ...string) {
		var text strings.Builder
		for _, p := range partners {
			fmt.Fprintf(&text, "  - {partner: %q, key_file: key}\n", p)
		}
		s.must(os.WriteFile(file, []byte("accounts:\n"+text.String()), 0o600))
	}
	write(partner, neighbour)
	s.env = append(s.env, "ALIPAY_PARTNER=", "ALIPAY_KEY_FILE=", "FAHUO_ACCOUNTS="+file, "ALIPAY_GATEWAY="+gateway, "FAHUO_CALL_TIMEOUT=1m")
	const many = 10000 // more than are ever called
	mine, theirs := parcels(0, 1), parcels(1, many)
	for i := range theirs {
		theirs[i].Partner = neighbour
	}
	_, err := s.book.Accept(t.Context(), append(mine, theirs...), ledger.AcceptOptions{})
	s.must(err)
	p := s.start()
	call := <-held
	s.until("the other account works", time.Minute, func() bool { return s.shipCalls() > 0 })
	write(neighbour)
	p.Signal(syscall.SIGHUP)
	p.WaitFor("the account is taken out")
	p.Signal(syscall.SIGTERM)
	p.WaitFor("stopping: no new call")
	if call.Err() != nil {
		t.Error("the stop began when the call that hung was over")
	}
	calls := s.shipCalls()
	letGo()
	if code := p.Exit(); code != 0 {
		t.Errorf("exit %d", code)
	}
	if more := s.shipCalls() - 1 - calls; more > 20 { // asynq may hand out some more before it heeds the halt
		t.Errorf("%d calls of the other account after the stop began", more)
	}
	row, err := s.book.Get(t.Context(), mine[0].Key())
	if err != nil || row.State != shipment.Shipped {
		t.Errorf("the call that hung is recorded as %s (%v)", row.State, err)
	}
	s.lawful()
}
