package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// unwrap is what is below an operation's context.
func unwrap(ctx huma.Context) (*http.Request, http.ResponseWriter) { return humago.Unwrap(ctx) }

// bodyLimits are what an operation takes.
type bodyLimits struct {
	bytes int64
	time  time.Duration // from the end of the headers to the last byte
	types []string      // media types; a request that names none is taken for the first
}

// sent is a request's body.
type sent struct {
	bytes     []byte
	mediaType string
	params    map[string]string // of the media type
}

type bodyKey struct{}

func bodyOf(ctx context.Context) sent {
	b, _ := ctx.Value(bodyKey{}).(sent)
	return b
}

// body reads a request's body for its handler. It is read here and not by the library, whose answer to a connection
// that breaks is an error of the server's.
func (a *API) body(limits bodyLimits) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		b, err := readBody(ctx, limits)
		if err != nil {
			a.fail(ctx, err)
			return
		}
		next(huma.WithValue(ctx, bodyKey{}, b))
	}
}

func readBody(ctx huma.Context, limits bodyLimits) (b sent, err error) {
	r, w := unwrap(ctx)
	if b.mediaType, b.params, err = mediaType(r.Header, limits.types); err != nil {
		return sent{}, err
	}
	if r.ContentLength > limits.bytes {
		w.Header().Set("Connection", "close")
		return sent{}, tooLarge(limits)
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(limits.time)) // a recorder in a test has none
	b.bytes, err = io.ReadAll(http.MaxBytesReader(w, r.Body, limits.bytes))
	var most *http.MaxBytesError
	var network net.Error
	switch {
	case errors.As(err, &most):
		return sent{}, tooLarge(limits)
	case errors.As(err, &network) && network.Timeout():
		w.Header().Set("Connection", "close")
		return sent{}, problem(http.StatusRequestTimeout, fmt.Sprintf("The body did not arrive within %v.", limits.time))
	case err != nil:
		w.Header().Set("Connection", "close")
		return sent{}, problem(http.StatusBadRequest, "The body did not arrive whole.")
	}
	// From here on the connection is read only to notice that the client has gone, which may take as long as it likes.
	_ = control.SetReadDeadline(time.Time{})
	return b, nil
}

func tooLarge(limits bodyLimits) error {
	return problem(http.StatusRequestEntityTooLarge, fmt.Sprintf("The body is larger than %d bytes; hand it over in parts.", limits.bytes))
}

func mediaType(h http.Header, allowed []string) (string, map[string]string, error) {
	if encoding := h.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return "", nil, problem(http.StatusUnsupportedMediaType, "Bodies are taken as they are; send this one without Content-Encoding.")
	}
	given := h.Get("Content-Type")
	if given == "" {
		return allowed[0], nil, nil
	}
	media, params, err := mime.ParseMediaType(given)
	if err != nil || !slices.Contains(allowed, media) {
		return "", nil, problem(http.StatusUnsupportedMediaType, fmt.Sprintf("Content-Type %.60q is not taken here; send one of %q.", given, allowed))
	}
	return media, params, nil
}
