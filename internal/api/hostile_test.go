package api_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"fahuo/internal/api"
)

// patience is how long a server may take to give a connection up that keeps it waiting for impatient.
const (
	impatient = 200 * time.Millisecond
	patience  = time.Minute
)

// impatience is the site behind a server that waits as long for nobody.
func (s *site) impatience(t *testing.T) string {
	t.Helper()
	server := httptest.NewUnstartedServer(s.Handler())
	server.Config = api.Server(s.Handler())
	if c := server.Config; c.ReadHeaderTimeout <= 0 || c.ReadTimeout <= 0 || c.WriteTimeout <= 0 || c.IdleTimeout <= 0 || c.MaxHeaderBytes <= 0 {
		t.Errorf("a limit is missing: %+v", c)
	}
	server.Config.ReadHeaderTimeout = impatient
	server.Start()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // closed by the server already, perhaps
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// Headers that trickle in keep a connection for a moment only.
func TestSlowHeaders(t *testing.T) {
	s := newSite(t)
	conn := dial(t, s.impatience(t))
	if _, err := io.WriteString(conn, "POST /v1/shipments HTTP/1.1\r\nHost: x\r\nX-A: "); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(conn); err != nil && errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the connection stays open: %v", err)
	}
}

// A body that does not come, or not all of it, is refused and never taken.
func TestBodiesThatDoNotCome(t *testing.T) {
	s := newSite(t)
	for name, c := range map[string]struct{ head, body string }{
		"cut off":        {"Content-Length: 1000\r\n", one(1, "")},
		"broken chunks":  {"Transfer-Encoding: chunked\r\n", "zzz\r\n" + one(1, "")},
		"a chunk cut":    {"Transfer-Encoding: chunked\r\n", "1000\r\n" + one(1, "")},
		"endless chunks": {"Transfer-Encoding: chunked\r\n", "500000\r\n" + strings.Repeat(" ", 0x500000)},
	} {
		t.Run(name, func(t *testing.T) {
			conn := dial(t, strings.TrimPrefix(s.url, "http://"))
			_, err := fmt.Fprintf(conn, "POST /v1/shipments HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n%s\r\n%s", s.shop, c.head, c.body)
			if half, ok := conn.(*net.TCPConn); ok && err == nil {
				err = half.CloseWrite()
			}
			if err != nil && name != "endless chunks" { // the server may close before it has got them
				t.Fatal(err)
			}
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				return // given up without an answer: nobody is there to read one
			}
			if response.StatusCode < 400 || response.StatusCode >= 500 {
				t.Errorf("status %d", response.StatusCode)
			}
			if err := response.Body.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	if counts, err := s.book.CountsByPartner(t.Context()); err != nil || len(counts) > 0 {
		t.Errorf("the ledger has %v, %v", counts, err)
	}
}

// A million random bytes are refused, as requests and as bodies, and the server goes on.
func TestRandomBytes(t *testing.T) {
	s := newSite(t)
	random := rand.New(rand.NewSource(1)) //nolint:gosec // the same bytes each time
	noise := make([]byte, 1_000_000)
	_, _ = random.Read(noise) // never fails
	conn := dial(t, strings.TrimPrefix(s.url, "http://"))
	_, err := conn.Write(noise) // the server closes before it has got them all
	answer, readErr := io.ReadAll(conn)
	if err == nil && readErr == nil && !bytes.Contains(answer, []byte(" 400 ")) {
		t.Errorf("got %q", answer)
	}
	for _, c := range []struct{ path, media string }{
		{shipments, "application/json"},
		{"/v1/files", "text/csv"},
		{"/v1/files", "application/octet-stream"},
		{"/v1/files", "multipart/form-data; boundary=x"},
		{"/v1/files?format=xlsx", "application/octet-stream"},
		{"/v1/files?format=jsonl", "application/octet-stream"},
	} {
		a := s.send(t, s.request(t, s.shop, http.MethodPost, c.path, c.media, noise))
		if a.status < 400 || a.status >= 500 {
			t.Errorf("%s as %s: status %d: %.300s", c.path, c.media, a.status, a.body)
		}
	}
	s.must(t, http.StatusAccepted, s.shop, http.MethodPost, shipments, one(1, ""), nil)
}

// Headers and addresses beyond measure are refused.
func TestHugeHeaders(t *testing.T) {
	s := newSite(t)
	r := s.request(t, s.shop, http.MethodGet, "/v1/batches/b", "", nil)
	r.Header.Set("X-Huge", strings.Repeat("x", 1<<20))
	if a, err := s.try(r); err == nil && a.status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("status %d", a.status)
	}
	s.must(t, http.StatusUnprocessableEntity, s.shop, http.MethodGet, "/v1/batches/"+strings.Repeat("x", 10_000), "", nil).problem(t)
}

// A handler that panics is a 500 that says nothing of it, and a line in the log.
func TestAPanic(t *testing.T) {
	s := newSiteOn(t, engines["sqlite"](t), api.Options{Accepted: func() { panic("sorry") }})
	p := s.must(t, http.StatusInternalServerError, s.shop, http.MethodPost, shipments, one(1, ""), nil).problem(t)
	if strings.Contains(p.Detail, "sorry") || !strings.Contains(s.log.String(), "sorry") {
		t.Errorf("got %+v; %s", p, s.log)
	}
}
