package desk

import (
	"net/http"
	"time"
)

// Server is an HTTP server for a desk that a slow or silent client cannot hold up.
func Server(d *Desk) *http.Server {
	return &http.Server{
		Handler: d.Handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 2 * time.Minute,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
	}
}
