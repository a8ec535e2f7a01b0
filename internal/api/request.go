package api

import (
	"context"
	"crypto/rand"
	"net/http"
	"path"
	"regexp"
	"runtime/debug"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"fahuo/internal/tokens"
)

// requestID is what names a request in answers and logs.
const requestID = "X-Request-Id"

// goodID is what a client may call its request.
var goodID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// recorder notes what was answered.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}

// Unwrap lets deadlines through.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// visit is what is learnt about a request on its way.
type visit struct{ token string }

type visitKey struct{}

// outermost gives every request an id, writes one line about it, and answers for handlers that panic. Headers and
// bodies are in no line: they hold tokens, and what customers bought.
func outermost(log zerolog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		id := r.Header.Get(requestID)
		if !goodID.MatchString(id) || id != discreet(id) {
			id = rand.Text()
		}
		log := log.With().Str("request", id).Logger()
		v := &visit{}
		ctx := context.WithValue(log.WithContext(r.Context()), visitKey{}, v)
		rec := &recorder{ResponseWriter: w}
		secure(rec.Header(), id)
		defer func() {
			trouble := recover()
			if trouble == http.ErrAbortHandler { //nolint:errorlint // net/http's own value, never wrapped
				panic(trouble)
			}
			level := zerolog.InfoLevel
			if r.URL.Path == healthPath || r.URL.Path == readyPath {
				level = zerolog.DebugLevel // asked every few seconds, for ever
			}
			if trouble != nil {
				log.Error().Interface("panic", trouble).Bytes("stack", debug.Stack()).Msg("a handler failed")
				if rec.status == 0 {
					write(rec, problem(http.StatusInternalServerError, "Something is wrong here, not with the request. The log has it under the X-Request-Id."))
				}
			}
			log.WithLevel(level).Str("token", v.token).Str("method", method(r)).Str("path", discreet(r.URL.Path)).Int("status", rec.status).
				Int64("bytes", rec.bytes).Dur("took", time.Since(start)).Str("client", r.RemoteAddr).Msg("answered")
		}()
		next.ServeHTTP(rec, r.WithContext(ctx))
	})
}

// discreet leaves out what may be a token that a client has put where it does not belong.
func discreet(text string) string {
	if strings.Contains(text, tokens.Prefix) {
		return "(a token?)"
	}
	return text
}

// secure sets the headers that every answer has. The page of documents loosens the policy for itself.
func secure(h http.Header, id string) {
	h.Set(requestID, id)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-store")
}

// strictly answers for what is not there, as for everything else: with a problem. It takes paths as they are: one with
// // or .. in it is not there, instead of being somewhere else.
func strictly(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// There is one form of every answer.
		r.Header.Del("Accept")
		if r.URL.Path == "" || path.Clean(r.URL.Path) != r.URL.Path {
			write(w, notThere())
			return
		}
		if _, pattern := mux.Handler(r); pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		// The mux knows which methods there would be, and says it in a header of an answer in plain text.
		said := &silent{header: make(http.Header)}
		mux.ServeHTTP(said, r)
		if said.status != http.StatusMethodNotAllowed {
			write(w, notThere())
			return
		}
		w.Header().Set("Allow", said.header.Get("Allow"))
		write(w, problem(http.StatusMethodNotAllowed, "There is no "+method(r)+" here; the header Allow says what there is."))
	})
}

func notThere() error {
	return problem(http.StatusNotFound, "There is nothing at this path; /docs lists what there is.")
}

// method names a request's method without letting a long one flood the reader.
func method(r *http.Request) string {
	if len(r.Method) > 20 {
		return "such method"
	}
	return r.Method
}

// silent keeps an answer's status and headers.
type silent struct {
	header http.Header
	status int
}

func (s *silent) Header() http.Header         { return s.header }
func (s *silent) Write(b []byte) (int, error) { return len(b), nil }
func (s *silent) WriteHeader(status int)      { s.status = status }
