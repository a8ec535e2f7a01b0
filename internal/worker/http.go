package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Checks are what /readyz asks, by name.
type Checks map[string]func(context.Context) error

// Handler serves /healthz (200 while the process runs), /readyz (200 when every check passes, else 503
// and what does not) and /metrics.
func Handler(g prometheus.Gatherer, checks func() Checks) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { ready(w, r, checks()) })
	mux.Handle("GET /metrics", promhttp.HandlerFor(g, promhttp.HandlerOpts{}))
	return mux
}

func ready(w http.ResponseWriter, r *http.Request, checks Checks) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	// All at once: one that hangs must not have the others named with it.
	var mu sync.Mutex
	var asking sync.WaitGroup
	answer := make(map[string]string)
	status := http.StatusOK
	for name, check := range checks {
		asking.Go(func() {
			err := check(ctx)
			mu.Lock()
			defer mu.Unlock()
			answer[name] = "ok"
			if err != nil {
				answer[name] = err.Error()
				status = http.StatusServiceUnavailable
			}
		})
	}
	asking.Wait()
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // the client is gone; nobody is left to tell
}
