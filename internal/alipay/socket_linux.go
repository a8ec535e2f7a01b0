package alipay

import (
	"errors"
	"net"
	"syscall"
	"time"
)

const tcpUserTimeout = 0x12 // TCP_USER_TIMEOUT

// setUserTimeout makes the kernel give up data that is not acknowledged for so long, so that nothing is
// delivered after the answer is no longer waited for. Failing leaves the kernel's default.
func setUserTimeout(c net.Conn, d time.Duration) {
	control(c, func(fd int) {
		_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, tcpUserTimeout, int(d.Milliseconds()))
	})
}

// peek looks for an end of the connection without waiting.
func peek(c net.Conn) (err error) {
	control(c, func(fd int) {
		var one [1]byte
		n, _, recvErr := syscall.Recvfrom(fd, one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		switch {
		case recvErr == nil && n == 0:
			err = errors.New("the peer has closed the connection")
		case recvErr != nil && !errors.Is(recvErr, syscall.EAGAIN):
			err = recvErr
		}
	})
	return err
}

func control(c net.Conn, f func(fd int)) {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return
	}
	if raw, err := tcp.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { f(int(fd)) }) // a closed connection shows when it is used
	}
}
