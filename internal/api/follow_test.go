package api_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"fahuo/internal/api"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// A shipment says how it stands and what has happened to it.
func TestAShipment(t *testing.T) {
	s := newSite(t)
	s.announce(t, shopPartner)
	path := shipments + "/" + shopPartner + "/" + trade(1)
	s.must(t, http.StatusNotFound, s.shop, http.MethodGet, path, "", nil).problem(t)
	s.must(t, http.StatusAccepted, s.shop, http.MethodPost, shipments, one(1, ""), nil)
	var got api.Shipment
	s.must(t, http.StatusOK, s.shop, http.MethodGet, path, "", &got)
	if got.State != shipment.Queued || got.InvoiceNo != "SF1" || got.ETA == nil || len(got.History) != 0 {
		t.Errorf("got %+v", got)
	}
	s.move(t, shopPartner, 1, shipment.Dead)
	s.must(t, http.StatusOK, s.shop, http.MethodGet, path, "", &got)
	if got.State != shipment.Dead || got.Reason != shipment.ReasonTradeNotExist || got.ETA != nil || len(got.History) != 1 || got.History[0].To != shipment.Dead {
		t.Errorf("got %+v", got)
	}
	s.must(t, http.StatusConflict, s.shop, http.MethodPost, path+"/cancel", "", nil).problem(t)
	s.must(t, http.StatusUnprocessableEntity, s.shop, http.MethodGet, shipments+"/"+shopPartner+"/1", "", nil).problem(t)
}

// What was never called is cancelled, as often as one likes, and may be handed over anew.
func TestCancel(t *testing.T) {
	s := newSite(t)
	path := shipments + "/" + shopPartner + "/" + trade(1)
	s.must(t, http.StatusNotFound, s.shop, http.MethodPost, path+"/cancel", "", nil).problem(t)
	s.must(t, http.StatusAccepted, s.shop, http.MethodPost, shipments, one(1, ""), nil)
	var got api.Shipment
	for range 2 {
		s.must(t, http.StatusOK, s.shop, http.MethodPost, path+"/cancel", "", &got)
		if got.State != shipment.Closed {
			t.Errorf("got %+v", got)
		}
	}
	if acts, err := s.book.Audit(t.Context(), ledger.AuditFilter{Actor: "api:shop"}, 10); err != nil || len(acts) != 1 {
		t.Errorf("the trail has %+v, %v", acts, err)
	}
	s.must(t, http.StatusAccepted, s.shop, http.MethodPost, shipments, strings.Replace(one(1, ""), "SF1", "SF2", 1), nil)
}

func TestABatch(t *testing.T) {
	s := newSite(t)
	s.announce(t, shopPartner)
	name := "周一/上午 %"
	path := "/v1/batches/" + url.PathEscape(name)
	s.must(t, http.StatusOK, s.shop, http.MethodPost, shipments+"?batch="+url.QueryEscape(name), many(1, 5, ""), nil)
	s.move(t, shopPartner, 1, shipment.Shipped)
	s.move(t, shopPartner, 2, shipment.Dead)
	var b api.Batch
	s.must(t, http.StatusOK, s.shop, http.MethodGet, path, "", &b)
	if b.Batch != name || b.Total != 5 || b.Counts != (api.Counts{Queued: 3, Shipped: 1, Dead: 1}) || b.Done || b.ETA == nil || len(b.Dead) != 1 || b.Dead[0].TradeNo != trade(2) {
		t.Errorf("got %+v", b)
	}
	if _, err := s.book.SetHold(t.Context(), shopPartner, ledger.HoldManual, "counting", "wang"); err != nil {
		t.Fatal(err)
	}
	before := b.Version
	s.must(t, http.StatusOK, s.shop, http.MethodGet, path, "", &b)
	if len(b.Held) != 1 || b.Held[0].Reason != "counting" || b.ETA != nil || b.Version == before {
		t.Errorf("got %+v", b)
	}
	s.must(t, http.StatusNotFound, s.shop, http.MethodGet, "/v1/batches/none", "", nil).problem(t)
}

// waitFor asks with wait= beside the test.
func (s *site) waitFor(ctx context.Context, t *testing.T, path string) <-chan api.Batch {
	t.Helper()
	answered := make(chan api.Batch, 1)
	r := s.request(t, s.shop, http.MethodGet, path, "", nil).WithContext(ctx) //nolint:contextcheck // it is given right here
	go func() {
		defer close(answered)
		a, err := s.try(r)
		if err != nil {
			return // told so by a closed channel without a value
		}
		var b api.Batch
		if err := json.Unmarshal(a.body, &b); err != nil || a.status != http.StatusOK {
			t.Errorf("status %d, %v: %s", a.status, err, a.body)
		}
		answered <- b
	}()
	return answered
}

// Who waits for a batch is answered when something has changed, and at once if it has since.
func TestWaitingForABatch(t *testing.T) {
	s := newSite(t)
	s.must(t, http.StatusOK, s.shop, http.MethodPost, shipments+"?batch=b", many(1, 2, ""), nil)
	var b api.Batch
	s.must(t, http.StatusOK, s.shop, http.MethodGet, "/v1/batches/b?wait=1s", "", &b)
	if b.Counts.Queued != 2 {
		t.Errorf("got %+v", b)
	}
	answered := s.waitFor(t.Context(), t, "/v1/batches/b?wait=60s&version="+b.Version)
	s.move(t, shopPartner, 1, shipment.Shipped)
	if b = <-answered; b.Counts.Shipped != 1 {
		t.Errorf("got %+v", b)
	}
	s.move(t, shopPartner, 2, shipment.Dead)
	for _, version := range []string{b.Version, ""} { // changed since; done
		if b = <-s.waitFor(t.Context(), t, "/v1/batches/b?wait=60s&version="+version); !b.Done {
			t.Errorf("got %+v", b)
		}
	}
	for _, wait := range []string{"61s", "0s", "1m", "-1s", "1", "x"} {
		s.must(t, http.StatusUnprocessableEntity, s.shop, http.MethodGet, "/v1/batches/b?wait="+wait, "", nil)
	}
}

// However many requests of a token wait, others have room.
func TestWhoWaitsLeavesRoom(t *testing.T) {
	s := newSite(t)
	s.must(t, http.StatusAccepted, s.shop, http.MethodPost, shipments+"?batch=b", one(1, ""), nil)
	s.must(t, http.StatusAccepted, s.mall, http.MethodPost, shipments+"?batch=m", one(2, `,"partner":"`+mallPartner+`"`), nil)
	const room = 64
	answers := make(chan answer, room+1)
	for range room + 1 {
		r := s.request(t, s.shop, http.MethodGet, "/v1/batches/b?wait=60s", "", nil)
		go func() {
			a, err := s.try(r)
			if err != nil {
				t.Error(err)
			}
			answers <- a
		}()
	}
	if a := <-answers; a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" {
		t.Fatalf("one too many is answered %d, %v", a.status, a.header)
	}
	s.must(t, http.StatusOK, s.mall, http.MethodGet, "/v1/batches/m?wait=1s", "", nil)
	s.move(t, shopPartner, 1, shipment.Shipped)
	for range room {
		if a := <-answers; a.status != http.StatusOK {
			t.Errorf("status %d: %s", a.status, a.body)
		}
	}
	s.must(t, http.StatusOK, s.shop, http.MethodGet, "/v1/batches/b?wait=1s", "", nil)
}

// Of a batch whose accounts do not all go on at their pace nobody can say when it will be done.
func TestABatchThatNobodyCanForesee(t *testing.T) {
	s := newSite(t)
	s.announce(t, mallPartner)
	known := shipment.Shipment{Partner: mallPartner, TradeNo: trade(1), LogisticsName: "顺丰速运", InvoiceNo: "SF1", TransportType: shipment.TransportExpress, Batch: "b"}
	unknown := known
	unknown.Partner = mallPartner2
	var b api.Batch
	for i, next := range []shipment.Shipment{known, unknown} {
		if _, err := s.book.Accept(t.Context(), []shipment.Shipment{next}, ledger.AcceptOptions{}); err != nil {
			t.Fatal(err)
		}
		s.must(t, http.StatusOK, s.mall, http.MethodGet, "/v1/batches/b", "", &b)
		if foreseen := b.ETA != nil; foreseen != (i == 0) {
			t.Errorf("with %d of its accounts: %v", i+1, b.ETA)
		}
	}
}

// A client that goes while it waits leaves nothing behind (goleak looks for it), and a server that is to stop does not
// keep anybody.
func TestWaitingEnds(t *testing.T) {
	s := newSite(t)
	s.must(t, http.StatusAccepted, s.shop, http.MethodPost, shipments+"?batch=b", one(1, ""), nil)
	ctx, cancel := context.WithCancel(t.Context())
	gone := s.waitFor(ctx, t, "/v1/batches/b?wait=60s")
	stays := s.waitFor(t.Context(), t, "/v1/batches/b?wait=60s")
	cancel()
	if b, answered := <-gone; answered {
		t.Errorf("got %+v", b)
	}
	start := time.Now()
	s.Release()
	if b := <-stays; b.Counts.Queued != 1 {
		t.Errorf("got %+v", b)
	}
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("it took %v", took)
	}
}

// A ledger that is away refuses with a time to come again, and nothing is half accepted.
func TestTheLedgerIsAway(t *testing.T) {
	s := newSite(t)
	s.must(t, http.StatusAccepted, s.shop, http.MethodPost, shipments, one(1, ""), nil) // which accounts there are is known for a moment
	if err := s.book.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ method, path, body string }{
		{http.MethodPost, shipments, one(2, "")},
		{http.MethodPost, shipments, many(2, 4, "")},
		{http.MethodGet, shipments + "/" + shopPartner + "/" + trade(1), ""},
		{http.MethodPost, shipments + "/" + shopPartner + "/" + trade(1) + "/cancel", ""},
		{http.MethodGet, "/v1/batches/b", ""},
		{http.MethodPost, "/v1/files", "x"},
	} {
		r := s.request(t, s.shop, c.method, c.path, "", []byte(c.body))
		if c.path == "/v1/files" {
			r = s.request(t, s.shop, c.method, c.path, "text/csv", []byte("trade_no,logistics_name\n"+trade(2)+",SF\n"))
		}
		a := s.send(t, r)
		p := a.problem(t)
		if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" || strings.Contains(p.Detail, "sql") {
			t.Errorf("%s %s: status %d, %+v", c.method, c.path, a.status, p)
		}
	}
	if a := s.call(t, "", http.MethodGet, "/readyz", "", nil); a.status != http.StatusServiceUnavailable || string(a.body) != "{\"ledger\":\"does not answer\"}\n" {
		t.Errorf("ready: %d, %s", a.status, a.body)
	}
	s.must(t, http.StatusOK, "", http.MethodGet, "/healthz", "", nil)
}

// Each answer tells when the last of what was handed over will have been called, as the ledger would reckon it.
func TestWhenItWillHaveBeenCalled(t *testing.T) {
	s := newSite(t)
	s.announce(t, shopPartner)
	right := func(what string, got *api.Time, scope ledger.Scope) {
		t.Helper()
		want, ok, err := s.book.ETA(t.Context(), scope)
		if err != nil || !ok || got == nil {
			t.Fatalf("%s: %v, %v, %v", what, got, ok, err)
		}
		if off := got.Sub(want).Abs(); off > 10*time.Second+time.Until(want)/20 {
			t.Errorf("%s: %v, the ledger says %v", what, got, want)
		}
	}
	for i := range 10 {
		var got api.BatchAccepted
		s.must(t, http.StatusOK, s.shop, http.MethodPost, shipments+"?batch=b", many(100*i+1, 100*i+100, ""), &got)
		right("a part", got.ETA, ledger.Scope{Batch: "b"})
	}
	var one1, again api.Accepted
	s.must(t, http.StatusAccepted, s.shop, http.MethodPost, shipments, one(2001, ""), &one1)
	right("one more", one1.ETA, ledger.Scope{Partner: shopPartner, TradeNo: trade(2001)})
	s.must(t, http.StatusOK, s.shop, http.MethodPost, shipments, one(500, ""), &again)
	right("one in the middle", again.ETA, ledger.Scope{Partner: shopPartner, TradeNo: trade(500)})
	s.must(t, http.StatusAccepted, s.shop, http.MethodPost, shipments, one(2002, `,"urgent":true`), &one1)
	right("an urgent one", one1.ETA, ledger.Scope{Partner: shopPartner, TradeNo: trade(2002)})
	var all api.BatchAccepted
	s.must(t, http.StatusOK, s.shop, http.MethodPost, shipments, many(1, 3, ""), &all)
	right("the same again", all.ETA, ledger.Scope{Batch: "b"})
}
