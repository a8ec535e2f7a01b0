package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/rs/zerolog"
)

// Where health is asked for.
const (
	healthPath = "/healthz"
	readyPath  = "/readyz"
)

// readyLimit is how long the ledger is given.
const readyLimit = 2 * time.Second

// serveHealth answers whoever looks after the process: /healthz while it runs, /readyz while it can accept.
func (a *API) serveHealth(mux *http.ServeMux) {
	mux.HandleFunc("GET "+healthPath, healthy)
	mux.HandleFunc("GET "+readyPath, func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), readyLimit)
		defer cancel()
		if err := a.Book.Ping(ctx); err != nil {
			zerolog.Ctx(ctx).Warn().Err(err).Msg("not ready: the ledger does not answer")
			ready(w, http.StatusServiceUnavailable, "does not answer")
			return
		}
		ready(w, http.StatusOK, "ok")
	})
}

func healthy(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n")) // the client is gone; nobody is left to tell
}

func ready(w http.ResponseWriter, status int, book string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"ledger": book}) // as above
}

// Waiting answers while the ledger cannot be opened yet: that it is so, and when to come again.
func Waiting(log zerolog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+healthPath, healthy)
	mux.HandleFunc("GET "+readyPath, func(w http.ResponseWriter, _ *http.Request) {
		ready(w, http.StatusServiceUnavailable, "not open yet")
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		write(w, later(http.StatusServiceUnavailable, ledgerWait, "The ledger is not open yet. Send the same request again later."))
	})
	return outermost(log, mux)
}
