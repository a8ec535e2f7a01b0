package notify

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/net/netutil"
)

const (
	maxHead      = 16 << 10         // bytes of a request's head; Alipay's have a few hundred
	idleFor      = 30 * time.Second // a connection that waits for its next request
	answerWithin = 45 * time.Second // from a request's head to the end of the answer: waiting, asking and recording
	stopWithin   = 5 * time.Second  // what is under way when the server stops
)

// Server is a receiver that listens. It has no TLS: a proxy that has stands before it.
type Server struct {
	listener net.Listener
	server   *http.Server
	served   chan error
	stop     func() error
}

// Listen listens at addr, HOST:PORT, and serves. The caller stops it.
func (r *Receiver) Listen(ctx context.Context, addr string) (*Server, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("--notify-listen (FAHUO_NOTIFY_LISTEN): %w; give each worker of a host its own address, or off", err)
	}
	s := &Server{
		listener: listener, served: make(chan error, 1),
		// Whoever sends slowly, or nothing, holds one of so many connections for so long, and no memory to speak of.
		server: &http.Server{
			Handler: r, ReadHeaderTimeout: r.o.Head, ReadTimeout: r.o.Read, WriteTimeout: answerWithin, IdleTimeout: idleFor, MaxHeaderBytes: maxHead,
		},
	}
	s.stop = sync.OnceValue(s.shut)
	go func() { s.served <- s.server.Serve(netutil.LimitListener(listener, r.o.Connections)) }()
	r.o.Log.Info().Str("address", listener.Addr().String()).Msg("notifications")
	return s, nil
}

// Addr is where it listens, HOST:PORT.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Stop takes no new notification, lets those under way end for some seconds, and closes. It may be called again.
func (s *Server) Stop() error { return s.stop() }

func (s *Server) shut() error {
	// Of its own: it is because everything stops that it has to be done.
	ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	err := s.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.server.Close() // whoever is cut off comes again
	}
	if served := <-s.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
