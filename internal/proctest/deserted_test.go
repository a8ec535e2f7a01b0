package proctest_test

import (
	"errors"
	"net"
	"syscall"
	"testing"

	"fahuo/internal/proctest"
)

// At a deserted address nobody answers, and nobody can begin to.
func TestDeserted(t *testing.T) {
	t.Parallel()
	address := proctest.Deserted(t)
	if _, err := new(net.Dialer).DialContext(t.Context(), "tcp", address); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dialling %s: %v", address, err)
	}
	if _, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("listening at %s: %v", address, err)
	}
}

// Whoever names a free port may listen there, again and again; before and after nobody answers. It is taken all the
// same, as one sees who does not share.
func TestFreePort(t *testing.T) {
	t.Parallel()
	address := "127.0.0.1:" + proctest.FreePort(t)
	dial := func() error {
		c, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
		if err == nil {
			err = c.Close()
		}
		return err
	}
	for range 2 {
		if err := dial(); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("dialling %s: %v", address, err)
		}
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(dial(), l.Close()); err != nil {
			t.Errorf("with a listener: %v", err)
		}
	}
	alone := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		failed := c.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 0) })
		return errors.Join(failed, err)
	}}
	if _, err := alone.Listen(t.Context(), "tcp", "127.0.0.1:"+proctest.FreePort(t)); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("listening alone: %v", err)
	}
}
