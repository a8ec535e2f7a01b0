package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// book is a ledger whose transactions end when the test lets them.
type book struct {
	begun chan int // how many shipments a transaction takes
	end   chan error
	mu    sync.Mutex
	taken []string
}

func (b *book) Accept(_ context.Context, shipments []shipment.Shipment, _ ledger.AcceptOptions) ([]ledger.Acceptance, error) {
	b.begun <- len(shipments)
	if err := <-b.end; err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	answers := make([]ledger.Acceptance, len(shipments))
	for i, s := range shipments {
		b.taken = append(b.taken, s.TradeNo)
		answers[i] = ledger.Acceptance{Verdict: ledger.Accepted, Batch: s.TradeNo} // so that mixed-up answers are seen
	}
	return answers, nil
}

func newBook() *book { return &book{begun: make(chan int), end: make(chan error)} }

// hand hands one shipment over beside the test.
func hand(t *testing.T, a *acceptor, number, actor string) <-chan error {
	t.Helper()
	done := make(chan error, 1)
	h := &handOver{shipments: []shipment.Shipment{{TradeNo: number}}, options: ledger.AcceptOptions{Actor: actor}, answered: make(chan struct{})}
	if err := a.put(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	go func() {
		<-h.answered
		if h.err == nil && (len(h.answers) != 1 || h.answers[0].Batch != number) {
			h.err = errors.New("another's answer")
		}
		done <- h.err
	}()
	return done
}

// What waits while a transaction runs goes into the next one together, in its order; another token's goes into its own.
func TestRequestsShareATransaction(t *testing.T) {
	b := newBook()
	a := newAcceptor(b)
	done := []<-chan error{hand(t, a, "1", "shop")}
	if n := <-b.begun; n != 1 {
		t.Errorf("the first takes %d", n)
	}
	for _, number := range []string{"2", "3", "4"} {
		done = append(done, hand(t, a, number, "shop"))
	}
	done = append(done, hand(t, a, "5", "mall"))
	b.end <- nil
	for i, want := range []int{3, 1} {
		if n := <-b.begun; n != want {
			t.Errorf("transaction %d takes %d, want %d", i+2, n, want)
		}
		b.end <- nil
	}
	for i, d := range done {
		if err := <-d; err != nil {
			t.Errorf("request %d: %v", i+1, err)
		}
	}
	a.stop()
	if !slices.Equal(b.taken, []string{"1", "2", "3", "4", "5"}) {
		t.Errorf("taken in the order %v", b.taken)
	}
}

// A transaction that fails fails for all who are in it, and for nobody else.
func TestATransactionThatFails(t *testing.T) {
	b := newBook()
	a := newAcceptor(b)
	first := hand(t, a, "1", "shop")
	<-b.begun
	second, third := hand(t, a, "2", "shop"), hand(t, a, "3", "shop")
	b.end <- nil
	<-b.begun
	away := errors.New("away")
	b.end <- away
	if err := <-first; err != nil {
		t.Error(err)
	}
	for _, d := range []<-chan error{second, third} {
		if err := <-d; !errors.Is(err, away) {
			t.Error(err)
		}
	}
	a.stop()
}

// A ledger that does not answer at all is not asked by each of those who wait, one after the other.
func TestALedgerThatIsSilent(t *testing.T) {
	b := newBook()
	a := newAcceptor(b)
	first := hand(t, a, "1", "shop")
	<-b.begun
	var others []<-chan error
	for _, token := range []string{"mall", "shop", "mall"} {
		others = append(others, hand(t, a, "2", token))
	}
	b.end <- fmt.Errorf("ledger: %w", context.DeadlineExceeded)
	for _, d := range append(others, first) {
		select {
		case err := <-d:
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		case <-b.begun:
			t.Fatal("it is asked again")
		}
	}
	next := hand(t, a, "3", "shop")
	<-b.begun
	b.end <- nil
	if err := <-next; err != nil {
		t.Errorf("whoever comes later: %v", err)
	}
	a.stop()
}

// A client that has gone keeps nobody; what waits at the end is answered, and nothing is taken after it.
func TestStoppingAnswersWhatWaits(t *testing.T) {
	b := newBook()
	a := newAcceptor(b)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	waiting := hand(t, a, "1", "shop")
	<-b.begun
	if _, err := a.accept(ctx, []shipment.Shipment{{TradeNo: "0"}}, ledger.AcceptOptions{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	stopped := make(chan struct{})
	go func() { a.stop(); close(stopped) }()
	b.end <- nil
	select {
	case <-b.begun: // what the client that has gone had put into the queue, perhaps
		b.end <- nil
		<-stopped
	case <-stopped:
	}
	if err := <-waiting; err != nil {
		t.Error(err)
	}
	if _, err := a.accept(t.Context(), []shipment.Shipment{{}}, ledger.AcceptOptions{}); !errors.Is(err, errStopping) {
		t.Error(err)
	}
}
