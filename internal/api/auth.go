package api

import (
	"context"
	"math"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/time/rate"

	"fahuo/internal/tokens"
)

type tokenKey struct{}

// tokenOf is whose request this is.
func tokenOf(ctx context.Context) tokens.Token {
	t, _ := ctx.Value(tokenKey{}).(tokens.Token)
	return t
}

// authenticate lets nobody through without a good token, nor with one that asks too often.
func (a *API) authenticate(ctx huma.Context, next func(huma.Context)) {
	secret, given := bearer(ctx.Header("Authorization"))
	token, ok := a.Tokens.Find(secret)
	if !ok {
		detail, challenge := "A token is needed: Authorization: Bearer TOKEN. Whoever runs this API makes one with: enqueue token new", `Bearer realm="fahuo"`
		if given {
			detail, challenge = "This token is not known, or not any more.", `Bearer realm="fahuo", error="invalid_token"`
		}
		a.fail(ctx, huma.ErrorWithHeaders(problem(http.StatusUnauthorized, detail), http.Header{"Www-Authenticate": {challenge}}))
		return
	}
	if v, ok := ctx.Context().Value(visitKey{}).(*visit); ok {
		v.token = token.Name
	}
	if wait := a.rates.take(token, time.Now()); wait > 0 {
		a.fail(ctx, later(http.StatusTooManyRequests, wait, "This token asks too often. Hand over many shipments in one request, and wait for batches with ?wait= instead of asking again and again."))
		return
	}
	next(huma.WithValue(ctx, tokenKey{}, token))
}

func bearer(header string) (secret string, given bool) {
	scheme, secret, ok := strings.Cut(header, " ")
	if !ok || !strings.EqualFold(scheme, "bearer") {
		return "", false
	}
	return strings.TrimSpace(secret), true
}

// rates count each token's requests.
type rates struct {
	rate float64

	mu     sync.Mutex
	tokens map[string]*rate.Limiter
}

func newRates(perSecond float64) *rates {
	return &rates{rate: perSecond, tokens: make(map[string]*rate.Limiter)}
}

// burst is how many seconds' requests a token may make at once after a silence.
const burst = 2

// take counts one request. A wait means that it may not be made before.
func (r *rates) take(t tokens.Token, now time.Time) (wait time.Duration) {
	perSecond := r.rate
	if t.Rate > 0 {
		perSecond = t.Rate
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	limiter := r.tokens[t.Name]
	if limiter == nil || limiter.Limit() != rate.Limit(perSecond) {
		limiter = rate.NewLimiter(rate.Limit(perSecond), int(math.Ceil(burst*perSecond)))
		r.tokens[t.Name] = limiter
	}
	if limiter.AllowN(now, 1) {
		return 0
	}
	return time.Duration(float64(time.Second) / perSecond)
}
