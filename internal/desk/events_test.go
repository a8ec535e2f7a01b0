package desk_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// told is a notice to a webhook that was given up.
func told(s *site) ledger.Delivery {
	s.t.Helper()
	announced, err := s.book.AnnounceEndpoints(s.t.Context(), ledger.OwnerAccount, nil, []ledger.Endpoint{
		{Owner: partner, Name: "erp", URL: "https://erp.example/<script>alert(1)</script>"},
	})
	must(s.t, err)
	s.settle(s.acceptMany(partner, 1, 1), shipment.Dead)
	claimed, err := s.book.ClaimDeliveries(s.t.Context(), announced[0].ID, 10, time.Minute)
	must(s.t, err)
	if len(claimed) != 1 {
		s.t.Fatal(claimed)
	}
	must(s.t, s.book.Attempted(s.t.Context(), claimed[0], ledger.Attempted{GiveUp: true, Status: 410, Error: "answered <script>alert(1)</script>"}))
	return claimed[0]
}

// What order systems were told is seen by everybody and sent again by operators, under the same id; the trail has it.
func TestEventsPage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	viewer, wang := s.as("look", "en"), s.as("wang", "en")
	viewer.look("/events").says("No order system has been told anything yet")
	d := told(s)
	p := viewer.look("/events")
	p.holds(d.Event.ID, "Dead letter", "Given up", "account:"+partner+"/erp", "answered &lt;script&gt;", "/shipments/"+partner+"/"+d.Event.Key.TradeNo)
	p.saysNot("<script>alert", "Send again", "/events/replay")
	for _, query := range []string{"state=failed", "webhook=1", "q=" + d.Event.ID, "q=" + d.Event.Key.TradeNo, "from=2026-01-01"} {
		viewer.look("/events?" + query).holds(d.Event.ID)
	}
	for _, query := range []string{"state=delivered", "webhook=99", "q=evt_x", "to=2020-01-01"} {
		viewer.look("/events?" + query).says("Nothing matches.")
	}
	list := wang.look("/events?state=failed")
	list.says("Send the one that matches again")
	answer := wang.submit(list, "/events/replay")
	if answer.location != "/events?state=failed" {
		t.Errorf("it leads to %s", answer.location)
	}
	wang.follow(answer).says("One notice goes out again.")
	wang.look("/events").says("On its way")
	again, err := s.book.ClaimDeliveries(t.Context(), d.Endpoint.ID, 10, time.Minute)
	if err != nil || len(again) != 1 || again[0].Event.ID != d.Event.ID {
		t.Errorf("after the replay: %v %v", again, err)
	}
	wang.look("/audit?act=replay").says("Had notices sent again", d.Event.ID, "account:"+partner+"/erp")
	wang.look("/shipments/" + partner + "/" + d.Event.Key.TradeNo).says("Had notices sent again")
}

// What matches is sent again together; a form that says nothing sends nothing.
func TestReplayOfWhatMatches(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := told(s)
	wang := s.as("wang", "zh")
	for _, form := range []url.Values{
		{}, {"all": {"yes"}}, {"all": {"yes"}, "back": {"/dead"}}, {"back": {"/events"}}, {"back": {"/events"}, "event": {d.Event.ID}},
	} {
		wang.post("/events/replay", form).want(http.StatusBadRequest)
	}
	all := url.Values{"all": {"yes"}, "back": {"/events?state=failed"}}
	wang.post("/events/replay", all).want(http.StatusSeeOther)
	wang.post("/events/replay", all).want(http.StatusConflict) // nothing is given up any more
	counts, err := s.book.CountDeliveries(t.Context(), ledger.DeliveryFilter{})
	if err != nil || counts[ledger.DeliveryPending] != 1 {
		t.Errorf("%v %v", counts, err)
	}
}
