package settings

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
)

// Loopback tells whether a host to listen on is reached from this machine alone.
func Loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// Listen listens at an address that a flag has given, as "--listen (FAHUO_API_LISTEN)". That it cannot is a usage
// error; who is perhaps the other that listens there already helps to find it.
func Listen(ctx context.Context, flag, addr, perhaps string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, Usage(fmt.Errorf("%s: something else listens at %s (%s?); stop it, or give another address", flag, addr, perhaps))
	}
	if err != nil {
		return nil, Usage(fmt.Errorf("%s: %w", flag, err))
	}
	return l, nil
}
