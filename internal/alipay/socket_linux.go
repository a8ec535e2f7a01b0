package alipay

import (
	"errors"
	"net"
	"syscall"
	"time"
)

const tcpUserTimeout = 0x12 // TCP_USER_TIMEOUT

var errPeerClosed = errors.New("the peer has closed the connection")

// setUserTimeout makes the kernel give up data that is not acknowledged for so long, so that nothing is
// delivered after the answer is no longer waited for. Failing leaves the kernel's default.
func setUserTimeout(c net.Conn, d time.Duration) {
	_ = control(c, func(fd int) {
		_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, tcpUserTimeout, int(d.Milliseconds()))
	})
}

// usable looks for an end of the connection without waiting or reading. plain says that no TLS runs over
// it: then what has arrived unasked would be taken for our answer.
func usable(c net.Conn, plain bool) (err error) {
	gone := control(c, func(fd int) {
		var one [1]byte
		n, _, recvErr := syscall.Recvfrom(fd, one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		switch {
		case recvErr == nil && n == 0, hungUp(fd):
			err = errPeerClosed
		case recvErr != nil && !errors.Is(recvErr, syscall.EAGAIN) && !errors.Is(recvErr, syscall.EINTR):
			err = recvErr
		case recvErr == nil && plain:
			err = errors.New("the peer has sent something without being asked")
		}
	})
	return errors.Join(gone, err)
}

// hungUp asks for the end of the peer's sending side. Peeking alone does not see it under TLS, where
// session tickets or the closing alert stand unread before it. Where it cannot ask it says no.
func hungUp(fd int) bool {
	poll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return false
	}
	defer func() { _ = syscall.Close(poll) }()
	event := syscall.EpollEvent{Events: syscall.EPOLLRDHUP, Fd: int32(fd)} //nolint:gosec // a file descriptor fits
	if syscall.EpollCtl(poll, syscall.EPOLL_CTL_ADD, fd, &event) != nil {
		return false
	}
	n, err := syscall.EpollWait(poll, make([]syscall.EpollEvent, 1), 0)
	return err == nil && n > 0
}

// control runs f on the socket. An error says that our side is closed; what is no TCP connection passes.
func control(c net.Conn, f func(fd int)) error {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Control(func(fd uintptr) { f(int(fd)) })
}
