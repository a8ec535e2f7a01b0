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
