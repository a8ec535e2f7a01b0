package tasks

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// Server is a Redis inside this process, for use without one. It keeps nothing over a restart: the
// ledger loads it again.
type Server struct {
	mini *miniredis.Miniredis
	stop chan struct{}
	done sync.WaitGroup
}

// StartEmbedded listens at addr, a loopback address: it has no password. Close stops it.
func StartEmbedded(addr string) (*Server, error) {
	if err := CheckEmbedded(addr); err != nil {
		return nil, fmt.Errorf("embedded Redis: %w", err)
	}
	s := &Server{mini: miniredis.NewMiniRedis(), stop: make(chan struct{})}
	if err := s.mini.StartAddr(addr); err != nil {
		return nil, fmt.Errorf("embedded Redis: %w (is another worker running here? several workers need one real Redis: --redis)", err)
	}
	s.done.Add(1)
	go s.tick()
	return s, nil
}

// CheckEmbedded tells whether the embedded Redis may listen at an address.
func CheckEmbedded(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("%q is not HOST:PORT", addr)
	}
	if ip, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !ip.IsLoopback()) {
		return fmt.Errorf("%s is not a loopback address; it has no password, so nobody else may reach it", addr)
	}
	return nil
}

// tick makes keys expire: miniredis's clock stands still unless it is pushed.
func (s *Server) tick() {
	defer s.done.Done()
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	last := time.Now()
	for {
		select {
		case <-s.stop:
			return
		case now := <-ticker.C:
			s.mini.FastForward(now.Sub(last))
			last = now
		}
	}
}

// Addr is where it listens.
func (s *Server) Addr() string { return s.mini.Addr() }

// Close stops it. To be called once.
func (s *Server) Close() error {
	close(s.stop)
	s.done.Wait()
	s.mini.Close()
	return nil
}
