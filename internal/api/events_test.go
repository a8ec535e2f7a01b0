package api_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fahuo/internal/api"
	"fahuo/internal/shipment"
)

// Whoever goes on from cursor to cursor sees every outcome of its accounts once, as a webhook would tell it.
func TestEvents(t *testing.T) {
	for engine, url := range engines {
		t.Run(engine, func(t *testing.T) {
			s := newSiteOn(t, url(t), api.Options{})
			s.must(t, http.StatusOK, s.shop, http.MethodPost, shipments+"?batch=b", many(1, 3, ""), nil)
			s.must(t, http.StatusAccepted, s.mall, http.MethodPost, shipments, one(4, `,"partner":"`+mallPartner+`"`), nil)
			s.move(t, mallPartner, 4, shipment.Dead)
			var seen []string
			next := ""
			for n, to := range []shipment.State{shipment.Shipped, shipment.Dead, shipment.Shipped} {
				s.move(t, shopPartner, n+1, to)
				var page api.Events
				a := s.must(t, http.StatusOK, s.shop, http.MethodGet, "/v1/events?limit=2&after="+next, "", &page)
				if len(page.Events) != 1 {
					t.Fatalf("got %s", a.body)
				}
				s.asTold(t, page.Events[0], a)
				e := page.Events[0]
				if e.Data.TradeNo != trade(n+1) || e.Data.State != to || e.Data.Batch != "b" || e.Data.Source != "shop" {
					t.Errorf("got %+v", e)
				}
				seen, next = append(seen, e.ID), page.Next
			}
			var all api.Events
			s.must(t, http.StatusOK, s.shop, http.MethodGet, "/v1/events", "", &all)
			if len(all.Events) != 3 || all.Events[0].ID != seen[0] || all.Events[2].ID != seen[2] || all.Next != next {
				t.Errorf("got %+v, want %v", all, seen)
			}
			s.must(t, http.StatusUnprocessableEntity, s.shop, http.MethodGet, "/v1/events?after=nonsense", "", nil).problem(t)
			s.must(t, http.StatusUnprocessableEntity, s.shop, http.MethodGet, "/v1/events?limit=1001", "", nil).problem(t)
		})
	}
}

// asTold demands that no field of the message is left out.
func (s *site) asTold(t *testing.T, e api.Event, a answer) {
	t.Helper()
	told, _, err := s.book.Events(t.Context(), []string{e.Data.Partner}, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	var got struct{ Events []any }
	var want any
	for _, one := range told {
		if one.ID == e.ID {
			if err := json.Unmarshal(one.Body, &want); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := json.Unmarshal(a.body, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.Events[0]); diff != "" {
		t.Error(diff)
	}
}
