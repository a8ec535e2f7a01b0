//go:build unix

package alipaytest

import (
	"errors"
	"net"
	"syscall"
)

// open says whether the peer still holds its end of a connection. The HTTP server learns of a closed
// connection when its reader is scheduled; a second call may be there earlier. The kernel knows at once.
func open(c net.Conn) bool {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	alive := false
	err = raw.Control(func(fd uintptr) {
		var b [1]byte
		n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		// Nothing to read: the peer is silent, not gone. Nothing read and no error: it has closed.
		alive = n > 0 || errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EINTR)
	})
	return err == nil && alive
}
