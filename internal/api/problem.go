package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/rs/zerolog"

	"fahuo/internal/shipment"
)

// problem is an answer that refuses, with the fields that are to blame.
func problem(status int, detail string, fields ...*huma.ErrorDetail) error {
	errs := make([]error, len(fields))
	for i, f := range fields {
		errs[i] = f
	}
	return huma.NewError(status, detail, errs...)
}

// at names a field that is to blame; prefix is where the shipment is, "body" or "body[3]".
func at(prefix string, f *shipment.FieldError) *huma.ErrorDetail {
	return &huma.ErrorDetail{Location: location(prefix, f.Field), Message: f.Reason}
}

func location(prefix, field string) string {
	if field == "" {
		return prefix
	}
	return prefix + "." + field
}

// later is a problem that is over after a while.
func later(status int, wait time.Duration, detail string) error {
	seconds := max(1, int((wait+time.Second-1)/time.Second))
	return huma.ErrorWithHeaders(problem(status, detail), http.Header{"Retry-After": {strconv.Itoa(seconds)}})
}

// ledgerWait is when a client is to come again whom the ledger could not serve.
const ledgerWait = 5 * time.Second

// away is the answer when the ledger could not be read or written. What went wrong is for the log: it may name hosts.
func away(ctx context.Context, err error) error {
	var known huma.StatusError
	if errors.As(err, &known) {
		return err
	}
	if ctx.Err() == nil { // otherwise the client has gone, and nothing is wrong here
		zerolog.Ctx(ctx).Warn().Err(err).Msg("the ledger could not be read or written")
	}
	return later(http.StatusServiceUnavailable, ledgerWait,
		"The ledger does not answer. Send the same request again later: what was accepted already does no harm.")
}

// write writes a problem where no operation does it.
func write(w http.ResponseWriter, err error) {
	var headers huma.HeadersError
	if errors.As(err, &headers) {
		for name, values := range headers.GetHeaders() {
			w.Header()[name] = values
		}
	}
	status := http.StatusInternalServerError
	var known huma.StatusError
	if errors.As(err, &known) {
		status = known.GetStatus()
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(known) // the client is gone; nobody is left to tell
}

// fail answers a request of an operation before its handler.
func (a *API) fail(ctx huma.Context, err error) {
	_, w := unwrap(ctx)
	write(w, err)
}
