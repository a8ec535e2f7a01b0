package alipay

import (
	"errors"
	"net"
	"sync"
	"time"
)

// ErrWindowClosed says that the write window had passed and not one more byte was written.
var ErrWindowClosed = errors.New("the write window has passed; the request was not sent")

// guard wraps the raw connection, below TLS, and refuses to write once the window has passed. It is what
// keeps a process that was stopped after begin from sending when somebody else may already have begun:
// the last thing before the kernel is a comparison of clocks.
type guard struct {
	net.Conn

	mu     sync.Mutex
	armed  bool
	window Window
	wall   time.Time // Window.Start without its monotonic reading
	sent   bool      // a write was let through since arming
	late   time.Duration
}

// arm starts the window; before it everything may be written, for the handshake.
func (g *guard) arm(w Window) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.armed, g.window, g.wall = true, w, w.Start.Round(0)
}

// elapsed is the time since the window's start by the clock that shows more of it: the monotonic one
// stands still while the machine is suspended, the wall clock may be set back.
func (g *guard) elapsed() time.Duration {
	now := time.Now()
	return max(now.Sub(g.window.Start), now.Round(0).Sub(g.wall))
}

// Write implements net.Conn.
func (g *guard) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.armed {
		return g.Conn.Write(p)
	}
	// A write that blocks must not go on after the window.
	if err := g.SetWriteDeadline(g.window.Start.Add(g.window.Write)); err != nil {
		return 0, err
	}
	if g.elapsed() >= g.window.Write {
		return 0, ErrWindowClosed
	}
	g.sent = true // whatever becomes of it
	n, err := g.Conn.Write(p)
	if over := g.elapsed() - g.window.Write; over >= 0 && n > 0 {
		g.late = over + 1
	}
	return n, err
}

// wrote tells whether anything may have been written since arming, and by how much it was late.
func (g *guard) wrote() (bool, time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.sent, g.late
}

// abort makes closing throw away what the kernel has not sent: an unanswered request must not go on
// being delivered behind our back.
func (g *guard) abort() {
	if tcp, ok := g.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // the connection is given up either way
	}
}
