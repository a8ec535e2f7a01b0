package desk_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// told is a notice to a webhook that was given up.
func told(t *testing.T, s *pagesSite) ledger.Delivery {
	t.Helper()
	announced, err := s.book.AnnounceEndpoints(t.Context(), ledger.OwnerAccount, nil, []ledger.Endpoint{
		{Owner: pagesPartner, Name: "erp", URL: "https://erp.example/<script>alert(1)</script>"},
	})
	s.must(err)
	s.settle(s.accept(pagesPartner, 1, 1), shipment.Dead)
	claimed, err := s.book.ClaimDeliveries(t.Context(), announced[0].ID, 10, time.Minute)
	s.must(err)
	if len(claimed) != 1 {
		t.Fatal(claimed)
	}
	s.must(s.book.Attempted(t.Context(), claimed[0], ledger.Attempted{GiveUp: true, Status: 410, Error: "answered <script>alert(1)</script>"}))
	return claimed[0]
}

// What order systems were told is seen by everybody and sent again by operators, under the same id; the trail has it.
func TestEventsPage(t *testing.T) {
	s := pagesDesk(t)
	pagesHas(t, s.login("li").page("/events"), "No order system has been told anything yet")
	d := told(t, s)
	li, wang := s.login("li"), s.login("wang")
	page := li.page("/events")
	pagesHas(t, page, d.Event.ID, "Dead letter", "Given up", "account:"+pagesPartner+"/erp", "answered &lt;script&gt;", "/shipments/"+pagesPartner+"/"+d.Event.Key.TradeNo)
	pagesLacks(t, page, "<script>alert", "Send again", "/events/replay")
	for _, query := range []string{"state=failed", "webhook=1", "q=" + d.Event.ID, "q=" + d.Event.Key.TradeNo, "from=2026-01-01"} {
		pagesHas(t, li.page("/events?"+query), d.Event.ID)
	}
	for _, query := range []string{"state=delivered", "webhook=99", "q=evt_x", "to=2020-01-01"} {
		pagesHas(t, li.page("/events?"+query), "Nothing matches.")
	}
	pagesHas(t, wang.page("/events?state=failed"), "Send the one that matches again")
	form := url.Values{"back": {"/events?state=failed"}, "event": {d.Event.ID}, "webhook": {"1"}}
	if a := wang.post("/events/replay", form); a.Status != http.StatusSeeOther || !strings.HasPrefix(a.To(), "/events?state=failed&done=events_replayed") {
		t.Fatalf("%d %s", a.Status, a.To())
	}
	pagesHas(t, wang.page("/events?done=events_replayed&n=1"), "One notice goes out again.", "On its way")
	again, err := s.book.ClaimDeliveries(t.Context(), d.Endpoint.ID, 10, time.Minute)
	if err != nil || len(again) != 1 || again[0].Event.ID != d.Event.ID {
		t.Errorf("after the replay: %v %v", again, err)
	}
	pagesHas(t, wang.page("/audit?act=replay"), "Had notices sent again", d.Event.ID)
	pagesHas(t, wang.page("/shipments/"+pagesPartner+"/"+d.Event.Key.TradeNo), "Had notices sent again")
}

// What matches is sent again together; a form that says nothing sends nothing.
func TestReplayOfWhatMatches(t *testing.T) {
	s := pagesDesk(t)
	d := told(t, s)
	wang := s.login("wang")
	for _, form := range []url.Values{
		{}, {"all": {"yes"}}, {"all": {"yes"}, "back": {"/dead"}}, {"back": {"/events"}}, {"back": {"/events"}, "event": {d.Event.ID}},
	} {
		if a := wang.post("/events/replay", form); a.Status != http.StatusBadRequest {
			t.Errorf("%v: %d", form, a.Status)
		}
	}
	all := url.Values{"all": {"yes"}, "back": {"/events?state=failed"}}
	if a := wang.post("/events/replay", all); a.Status != http.StatusSeeOther {
		t.Errorf("%d %s", a.Status, a.To())
	}
	if a := wang.post("/events/replay", all); a.Status != http.StatusConflict { // nothing is given up any more
		t.Errorf("%d %s", a.Status, a.To())
	}
	counts, err := s.book.CountDeliveries(t.Context(), ledger.DeliveryFilter{})
	if err != nil || counts[ledger.DeliveryPending] != 1 {
		t.Errorf("%v %v", counts, err)
	}
}
