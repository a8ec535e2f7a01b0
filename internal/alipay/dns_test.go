package alipay

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const gatewayName = "gateway.fahuo.test"

// nameServer is a DNS server on loopback that knows one name, and tells everybody to keep its address for a day.
type nameServer struct {
	net.PacketConn

	mu      sync.Mutex
	address [4]byte
	asked   atomic.Int64
}

func startNameServer(t *testing.T) *nameServer {
	t.Helper()
	c, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &nameServer{PacketConn: c}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.serve()
	}()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		<-done
	})
	return s
}

func (s *nameServer) serve() {
	buffer := make([]byte, 1500)
	for {
		n, from, err := s.ReadFrom(buffer)
		if err != nil {
			return
		}
		if answer, err := s.answer(buffer[:n]); err == nil {
			_, _ = s.WriteTo(answer, from) // who asked asks again
		}
	}
}

func (s *nameServer) answer(question []byte) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(question); err != nil || len(m.Questions) == 0 {
		return nil, err
	}
	s.asked.Add(1)
	m.Response, m.Additionals = true, nil
	q := m.Questions[0]
	switch {
	case q.Name.String() != gatewayName+".":
		m.RCode = dnsmessage.RCodeNameError
	case q.Type == dnsmessage.TypeA:
		s.mu.Lock()
		defer s.mu.Unlock()
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 24 * 60 * 60},
			Body:   &dnsmessage.AResource{A: s.address},
		}}
	}
	return m.Pack()
}

func (s *nameServer) move(to [4]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.address = to
}

// listenAt is a peer with a certificate for the gateway's name, on an address of loopback.
func listenAt(t *testing.T, address string, config *tls.Config, answer func(net.Conn)) *peer {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Skipf("this system has one address of loopback only: %v", err)
	}
	return serveAt(t, tls.NewListener(l, config), answer)
}

// S1: the gateway moves to another address, and its old one still answers; DNS says to keep the old address for a day.
// The next call, ship call or query, is made to the new one: every call looks the name up and has a connection of its
// own. So what a change takes to be followed is the age of a connection that was made ahead of its call, two seconds at
// most (connectLead in internal/worker), far below the 61 s that are allowed.
func TestAChangeOfAddressIsFollowedAtTheNextCall(t *testing.T) {
	config, roots := certificate(t, time.Now().Add(time.Hour), gatewayName)
	answer := respond(200, "<alipay><is_success>F</is_success><error>RETRY</error></alipay>")
	first := listenAt(t, "127.0.0.2:0", config, answer)
	_, port, err := net.SplitHostPort(first.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	second := listenAt(t, net.JoinHostPort("127.0.0.3", port), config, answer)
	names := startNameServer(t)
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", names.LocalAddr().String())
	}}
	client := newClient(t, Options{
		Gateway: "https://" + gatewayName + ":" + port + "/gateway.do", RootCAs: roots,
		Dial: (&net.Dialer{Resolver: resolver, Timeout: connectTimeout}).DialContext,
	})
	call := func(want *peer) {
		t.Helper()
		before, asked := want.requests.Load(), names.asked.Load()
		if a, _, _ := client.Query(t.Context(), testCredentials(), tradeNo); a.Outcome != Busy {
			t.Fatalf("query: %+v", a)
		}
		if r := ship(t, client, openWindow()); r.Outcome != Busy {
			t.Fatalf("ship: %+v", r)
		}
		if n := want.requests.Load() - before; n != 2 {
			t.Errorf("%d of 2 calls went to %s", n, want.Addr())
		}
		if n := names.asked.Load() - asked; n < 2 {
			t.Errorf("the name was looked up %d times for 2 calls", n)
		}
	}
	names.move([4]byte{127, 0, 0, 2})
	call(first)
	call(first)
	names.move([4]byte{127, 0, 0, 3})
	call(second)
	names.move([4]byte{127, 0, 0, 4}) // where nobody listens: the old address is not fallen back upon
	if a, _, _ := client.Query(t.Context(), testCredentials(), tradeNo); a.Err == nil || !strings.Contains(a.Err.Error(), "127.0.0.4") {
		t.Errorf("%+v", a)
	}
}
