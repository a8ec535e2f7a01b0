package notify

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/rs/zerolog"

	"fahuo/internal/alipay"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// Path is where notifications are received. There is nothing else.
const Path = "/alipay/notify"

// What is answered. Alipay takes exactly these seven bytes for an acknowledgement, and anything else for none.
const (
	answerSuccess = "success"
	answerFail    = "fail"
)

// recordLimit is how long the ledger has for a notification that was verified.
const recordLimit = 15 * time.Second

// Receiver is the handler of notifications.
type Receiver struct {
	o       Options
	asking  *asking
	metrics *metrics
	refused zerolog.Logger // anybody can have refusals logged: only a few at a time are
}

// New checks the options and prepares. Nothing is opened.
func New(o Options) (*Receiver, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	refused := o.Log.Sample(&zerolog.BurstSampler{Burst: 10, Period: time.Minute})
	return &Receiver{o: o, asking: newAsking(o), metrics: newMetrics(o.Metrics, o.Accounts()), refused: refused}, nil
}

// ServeHTTP answers one request.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	switch {
	case request.URL.Path != Path:
		http.NotFound(w, request)
		return
	case request.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, request.Body, alipay.MaxNotification))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		r.metrics.count("", resultRefused)
		say(w, http.StatusRequestEntityTooLarge, answerFail)
		return
	case err != nil: // it did not come completely
		r.metrics.count("", resultRefused)
		say(w, http.StatusBadRequest, answerFail)
		return
	}
	partner, result, err := r.receive(request.Context(), body)
	r.metrics.count(partner, result)
	if err != nil {
		// Errors show no value of the body.
		r.refused.Warn().Err(err).Str("partner", partner).Str("result", string(result)).Msg("a notification was not taken")
	}
	if result.taken() {
		say(w, http.StatusOK, answerSuccess)
		return
	}
	say(w, result.status(), answerFail)
}

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // whoever is gone comes again
}

// receive does all with a body and tells what became of it, and which account's it is: empty as long as nobody's.
func (r *Receiver) receive(ctx context.Context, body []byte) (partner string, _ result, err error) {
	seller, err := alipay.SellerOf(body)
	if err != nil {
		return "", resultRefused, err
	}
	if seller == "" {
		return "", resultForeign, errors.New("it has no seller_id, so it is of no account here; most likely it is no notification of Alipay's")
	}
	candidates := candidates(r.o.Accounts(), seller)
	if len(candidates) == 0 {
		return "", resultForeign, errors.New("its seller_id is of no account here; is it one of an account's sellers?")
	}
	for _, a := range candidates {
		var n alipay.Notification
		if n, err = alipay.ParseNotification(a.Credentials, a.Charset, a.Sellers, body); err == nil {
			result, err := r.take(ctx, a, n)
			return a.Credentials.Partner, result, err
		}
	}
	return candidates[0].Credentials.Partner, resultRefused, err
}

// candidates are the accounts to whose partner or sellers something was sent; whose own partner it is comes first.
func candidates(all []Account, seller string) (of []Account) {
	for _, a := range all {
		switch {
		case a.Credentials.Partner == seller:
			of = slices.Insert(of, 0, a)
		case slices.Contains(a.Sellers, seller):
			of = append(of, a)
		}
	}
	return of
}

// take deals with a notification that the account's key has verified.
func (r *Receiver) take(ctx context.Context, a Account, n alipay.Notification) (result, error) {
	book := r.o.Book()
	if book == nil {
		return resultAway, errors.New("the ledger is not open yet")
	}
	notice := ledger.Notice{
		Key: shipment.Key{Partner: a.Credentials.Partner, TradeNo: n.TradeNo}, ID: n.ID, Type: n.Type,
		TradeStatus: n.TradeStatus, RefundStatus: n.RefundStatus, Stage: stageOf(n.Type, n.TradeStatus), SentAt: n.Time,
	}
	switch known, err := book.OnRecord(ctx, notice); {
	case err != nil:
		return resultAway, err
	case known: // the answer to it was lost, or somebody plays it again: either way there is nothing to do
		return resultAgain, nil
	}
	switch genuine, err := r.asking.genuine(ctx, a.Credentials, n.ID); {
	case err != nil:
		return resultUnknown, err
	case !genuine:
		return resultForged, errors.New("it is rightly signed, and Alipay does not stand by it: an old one, or one of another account")
	}
	// Detached: Alipay has confirmed it, and a sender that goes away now would only have it asked again.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordLimit)
	defer cancel()
	done, err := book.Notified(ctx, notice, func(row ledger.Row) ledger.Effect {
		return decide(notice, row)
	}, r.o.Name)
	if err != nil {
		return resultAway, err
	}
	r.tell(notice, done)
	switch {
	case done.Again:
		return resultAgain, nil
	case !done.Known:
		return resultUnknownTrade, nil
	}
	return resultTaken, nil
}

// tell logs what a notification has done.
func (r *Receiver) tell(n ledger.Notice, done ledger.Noticed) {
	level := zerolog.DebugLevel
	if done.Moved {
		level = zerolog.InfoLevel
	}
	r.o.Log.WithLevel(level).Stringer("shipment", n.Key).Str("status", n.TradeStatus).Bool("known", done.Known).Bool("again", done.Again).
		Bool("stale", done.Stale).Str("state", string(done.Row.State)).Str("reason", string(done.Row.Reason)).Msg("notification")
}
