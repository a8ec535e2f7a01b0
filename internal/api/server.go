package api

import (
	"crypto/tls"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"
)

// Limits of connections. A body has limits of its own, by operation; the longest answer is that to who waits for a
// batch, a minute.
const (
	connections    = 512 // at once; more wait for one of them to end
	headerTime     = 5 * time.Second
	requestTime    = 30 * time.Second // headers and body, unless an operation gives the body more
	answerTime     = 2 * time.Minute
	idleTime       = time.Minute
	maxHeaderBytes = 32 << 10
)

// Server is an HTTP server that slow, silent or very many clients cannot hold up.
func Server(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: headerTime, ReadTimeout: requestTime, WriteTimeout: answerTime, IdleTimeout: idleTime,
		MaxHeaderBytes: maxHeaderBytes, TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12},
	}
}

// Limit bounds how many connections there are at once.
func Limit(l net.Listener) net.Listener { return netutil.LimitListener(l, connections) }
