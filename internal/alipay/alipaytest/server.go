package alipaytest

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// headerTimeout is how long a connection may be silent before its request. A ship call's connection is made
// before its slot comes, so this must be longer than any interval.
const headerTimeout = 10 * time.Minute

// Server is a gateway that listens.
type Server struct {
	*Gateway

	scheme   string
	server   *http.Server
	listener net.Listener
	served   chan error
	stop     func() error
}

// Start listens on a free port of 127.0.0.1. The caller has to Close the server.
func Start(o Options) (*Server, error) { return Listen("127.0.0.1:0", o) }

// Listen listens at addr, HOST:PORT.
func Listen(addr string, o Options) (*Server, error) {
	listener, err := net.Listen("tcp", addr) //nolint:noctx // listening does not block
	if err != nil {
		return nil, fmt.Errorf("simulated gateway: %w", err)
	}
	scheme := "http"
	if o.TLS != nil {
		scheme, listener = "https", tls.NewListener(listener, o.TLS)
	}
	g := New(o)
	s := &Server{
		Gateway: g, scheme: scheme, listener: listener, served: make(chan error, 1),
		server: &http.Server{Handler: g, ConnContext: g.ConnContext, ReadHeaderTimeout: headerTimeout},
	}
	s.stop = sync.OnceValue(s.shut)
	go func() { s.served <- s.server.Serve(listener) }()
	return s, nil
}

// URL is the gateway's address, http://HOST:PORT/gateway.do, or https.
func (s *Server) URL() string { return s.scheme + "://" + s.listener.Addr().String() + Path }

// Addr is HOST:PORT.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Close closes the port and every connection and waits until no request is being handled. What has been
// recorded can still be read. It may be called again.
func (s *Server) Close() error { return s.stop() }

func (s *Server) shut() error {
	err := s.server.Close()
	if served := <-s.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	s.Gateway.Close()
	return err
}
