package api

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"fahuo/internal/ledger"
	"fahuo/internal/tokens"
)

const someone = "2088000000000001"

// mute is a ledger that knows one account and from some moment on does not answer, as behind a connection that is half
// open.
type mute struct {
	gone  atomic.Bool
	reads atomic.Int64
}

func (s *mute) Accounts(ctx context.Context) ([]ledger.Account, error) {
	s.reads.Add(1)
	if s.gone.Load() {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return []ledger.Account{{Partner: someone}}, nil
}

// Requests that find the ledger silent wait for one and the same reading, and each is told to come again when it is given
// up: one after the other they would keep each other for minutes.
func TestASilentLedgerKeepsNobody(t *testing.T) {
	book, err := ledger.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "fahuo.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := book.Close(); err != nil {
			t.Error(err)
		}
	}()
	secret, token, err := tokens.New("shop", []string{someone})
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		a, err := New(Options{Book: book, Tokens: tokens.These(token), Log: zerolog.Nop()})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Stop()
		gone := &mute{}
		gone.gone.Store(true)
		a.served = newServed(gone, a.readings)
		start := time.Now()
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() {
				r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/shipments", strings.NewReader(`{"trade_no":"2026112300001001000000000001","logistics_name":"SF"}`))
				r.Header.Set("Authorization", "Bearer "+secret)
				r.Header.Set("Content-Type", "application/json")
				w := httptest.NewRecorder()
				a.Handler().ServeHTTP(w, r)
				if took := time.Since(start); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || took > readLimit {
					t.Errorf("status %d after %v: %s", w.Code, took, w.Body)
				}
			})
		}
		all.Wait()
		if n := gone.reads.Load(); n != 1 {
			t.Errorf("the ledger was asked %d times", n)
		}
	})
}

// Whoever goes does not wait for what others wait for, and does not end it.
func TestWhoGoesDoesNotWaitForAReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone, under := &mute{}, newReadings()
		defer under.stop()
		gone.gone.Store(true)
		s := newServed(gone, under)
		stays := make(chan error)
		go func() { _, err := s.now(t.Context()); stays <- err }()
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		start := time.Now()
		if _, err := s.now(ctx); !errors.Is(err, context.Canceled) || time.Since(start) > 0 {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		if err := <-stays; !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != readLimit {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// Which accounts there were is answered while the ledger is silent, and a failure for a moment: not every request waits
// for another.
func TestKnownAccountsStayKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, under := &mute{}, newReadings()
		defer under.stop()
		s := newServed(book, under)
		knows := func(after time.Duration, reads int64) {
			t.Helper()
			start := time.Now()
			all, err := s.now(t.Context())
			if err != nil || !all.has(someone) || all.has("x") || time.Since(start) != after || book.reads.Load() != reads {
				t.Errorf("%v, %v after %v and %d reads", all, err, time.Since(start), book.reads.Load())
			}
		}
		knows(0, 1)
		book.gone.Store(true)
		knows(0, 1)
		time.Sleep(remembered)
		knows(readLimit, 2)
		knows(0, 2)
		time.Sleep(failedFor)
		knows(readLimit, 3)
		book.gone.Store(false)
		time.Sleep(failedFor)
		knows(0, 4)
	})
}

// Readings are shared by those who may know what was read before they asked, and by those who ask while one is under way
// for the next.
func TestReadingsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		under := newReadings()
		defer under.stop()
		var reads atomic.Int64
		s := &shared[int64]{readings: under, limit: readLimit, read: func(context.Context) (int64, error) {
			time.Sleep(time.Second)
			return reads.Add(1), nil
		}}
		never := func(*reading[int64]) bool { return false }
		var all sync.WaitGroup
		ask := func(want int64) {
			all.Go(func() {
				if r, err := s.get(t.Context(), never); err != nil || r.err != nil || r.value != want {
					t.Errorf("got %+v, %v, want %d", r, err, want)
				}
			})
		}
		ask(1)
		synctest.Wait()
		time.Sleep(time.Millisecond)
		for range 100 {
			ask(2)
		}
		all.Wait()
	})
}
