package alipay

import (
	"crypto/tls"
	"io"
	"net"
	"testing"
	"time"
)

// A handshake leaves records unread, and so does the closing alert: the end behind them is seen all the
// same.
func TestUsableSeesUnderTLSThatThePeerHasGone(t *testing.T) {
	config, roots := certificate(t, time.Now().Add(time.Hour), "127.0.0.1")
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	closeIt, closed := make(chan struct{}), make(chan error, 1)
	go func() {
		raw, err := l.Accept()
		if err != nil {
			closed <- err
			return
		}
		peer := tls.Server(raw, config)
		err = peer.HandshakeContext(t.Context())
		<-closeIt
		if closeErr := peer.Close(); err == nil {
			err = closeErr
		}
		closed <- err
	}()
	c := newClient(t, Options{Gateway: "https://" + l.Addr().String() + "/gateway.do", RootCAs: roots})
	conn, err := c.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Usable(); err != nil {
		t.Errorf("a fresh connection: %v", err)
	}
	close(closeIt)
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	awaitUnusable(t, conn)
	_ = conn.Close() // the peer has gone: how it closes does not matter
	if conn.Usable() == nil {
		t.Error("a connection that we closed seems usable")
	}
}

// Without TLS, what the peer says unasked (a 408, say) would be taken for the answer to our call.
func TestUsableSeesWhatCameUnasked(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	c := newClient(t, Options{Gateway: "http://" + l.Addr().String() + "/gateway.do"})
	conn, err := c.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	peer, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = peer.Close() }()
	if _, err := io.WriteString(peer, "HTTP/1.1 408 Request Timeout\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	awaitUnusable(t, conn)
}

// awaitUnusable asks until the kernel has delivered what the peer did.
func awaitUnusable(t *testing.T, conn *Conn) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); conn.Usable() == nil; {
		if time.Now().After(end) {
			t.Fatal("the connection seems usable")
		}
	}
}
