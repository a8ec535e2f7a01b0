package alipay

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func TestNothingIsWrittenAfterTheWindow(t *testing.T) {
	for name, w := range map[string]Window{
		"long past":     {Start: time.Now().Add(-time.Hour), Write: time.Second, Answer: time.Second},
		"just past":     {Start: time.Now().Add(-time.Second), Write: time.Second, Answer: time.Second},
		"no window":     {Start: time.Now(), Write: 0, Answer: time.Second},
		"suspended":     {Start: time.Now().Round(0).Add(-2 * time.Second), Write: time.Second, Answer: time.Second},
		"never started": {},
	} {
		for _, secure := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, tls %v", name, secure), func(t *testing.T) {
				p := listen(t, nil, func(net.Conn) {})
				c := p.client(t)
				if secure {
					config, roots := certificate(t, time.Now().Add(time.Hour), "127.0.0.1")
					p = listen(t, config, func(net.Conn) {})
					c = newClient(t, Options{Gateway: "https://" + p.Addr().String() + "/gateway.do", RootCAs: roots})
				}
				r := ship(t, c, w)
				if r.Sent || !errors.Is(r.Err, ErrWindowClosed) || !r.FirstByte.IsZero() {
					t.Fatalf("%+v", r)
				}
				if n := p.requests.Load(); n != 0 {
					t.Fatalf("%d requests arrived", n)
				}
			})
		}
	}
}

// slowConn is a raw connection whose write takes long: the process is stopped after the comparison.
type slowConn struct {
	net.Conn
	stopped time.Duration
}

func (s *slowConn) Write(p []byte) (int, error) {
	<-time.After(s.stopped)
	if s.Conn != nil {
		return s.Conn.Write(p)
	}
	return len(p), nil
}

func (s *slowConn) SetWriteDeadline(time.Time) error { return nil }

func TestAWriteThatCameLateAllTheSameIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &guard{Conn: &slowConn{stopped: 5 * time.Second}}
		g.arm(Window{Start: time.Now(), Write: time.Second})
		if _, err := g.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if sent, late := g.wrote(); !sent || late < 4*time.Second {
			t.Fatalf("sent %v, late by %v", sent, late)
		}
		if _, err := g.Write([]byte("y")); !errors.Is(err, ErrWindowClosed) {
			t.Fatalf("a second write after the window: %v", err)
		}
	})
}

// Who has been stopped in the middle of the write has no time left for the answer, and needs it.
func TestTheAnswerToALateWriteIsWaitedFor(t *testing.T) {
	good := signedAnswer(t, "tradeBase", Params{"trade_no": tradeNo, "trade_status": "WAIT_BUYER_CONFIRM_GOODS"})
	synctest.Test(t, func(t *testing.T) {
		mine, theirs := net.Pipe()
		p := &peer{last: make(chan *http.Request, 1)}
		done := make(chan struct{})
		go func() {
			defer close(done)
			p.serve(theirs, respond(http.StatusOK, good))
		}()
		c := newClient(t, Options{Gateway: "http://127.0.0.1:1/gateway.do", Dial: func(context.Context, string, string) (net.Conn, error) {
			return &slowConn{Conn: mine, stopped: 5 * time.Second}, nil
		}})
		start := time.Now()
		r := ship(t, c, Window{Start: start, Write: time.Second, Answer: 2 * time.Second})
		<-done
		if r.Outcome != Succeeded || r.LateBy < 4*time.Second || r.FirstByte.Before(start.Add(5*time.Second)) {
			t.Errorf("%+v", r)
		}
	})
}
