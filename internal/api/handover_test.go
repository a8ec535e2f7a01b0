package api_test

import (
	"net/http"
	"strings"
	"testing"

	"fahuo/internal/api"
	"fahuo/internal/shipment"
)

const shipments = "/v1/shipments"

// One shipment is answered by the status, over each ledger.
func TestOneShipment(t *testing.T) {
	for engine, url := range engines {
		t.Run(engine, func(t *testing.T) {
			s := newSiteOn(t, url(t), api.Options{})
			s.announce(t, shopPartner)
			var got api.Accepted
			s.must(t, http.StatusAccepted, s.shop, http.MethodPost, shipments+"?batch=b", one(1, `,"order_ref":"A-1"`), &got)
			if got.Status != api.StatusAccepted || got.Partner != shopPartner || got.TradeNo != trade(1) || got.Batch != "b" || got.OrderRef != "A-1" || got.ETA == nil {
				t.Errorf("got %+v", got)
			}
			// Its answer got lost, so it is sent again; the batch is the one that it is in.
			s.must(t, http.StatusOK, s.shop, http.MethodPost, shipments+"?batch=c", one(1, ""), &got)
			if got.Status != api.StatusAlready || got.Batch != "b" {
				t.Errorf("got %+v", got)
			}
			conflict := s.must(t, http.StatusConflict, s.shop, http.MethodPost, shipments, strings.Replace(one(1, ""), "SF1", "SF2", 1), nil).problem(t)
			if len(conflict.Errors) != 1 || conflict.Errors[0].Location != "body.invoice_no" || !strings.Contains(conflict.Errors[0].Message, `"SF1"`) || !strings.Contains(conflict.Errors[0].Message, `"SF2"`) {
				t.Errorf("got %+v", conflict)
			}
			rejected := s.must(t, http.StatusUnprocessableEntity, s.shop, http.MethodPost, shipments, `{"trade_no":"12"}`, nil).problem(t)
			if len(rejected.Errors) != 1 || rejected.Errors[0].Location != "body.trade_no" {
				t.Errorf("got %+v", rejected)
			}
			row, err := s.book.Get(t.Context(), shipment.Key{Partner: shopPartner, TradeNo: trade(1)})
			if err != nil || row.TransportType != shipment.TransportExpress || row.InvoiceNo != "SF1" {
				t.Errorf("the ledger has %+v, %v", row.Shipment, err)
			}
		})
	}
}

// An array is answered with an item each, in its order; what is wrong stops nothing.
func TestAnArray(t *testing.T) {
	for engine, url := range engines {
		t.Run(engine, func(t *testing.T) {
			s := newSiteOn(t, url(t), api.Options{})
			s.announce(t, shopPartner, mallPartner)
			s.must(t, http.StatusAccepted, s.shop, http.MethodPost, shipments+"?batch=first", one(1, ""), nil)
			body := `[` + strings.Join([]string{
				one(1, ""), strings.Replace(one(1, ""), "SF1", "SF9", 1), one(2, `,"urgent":true`), one(3, `,"partner":"`+mallPartner+`"`),
				`{"trade_no":"1"}`, `7`, one(4, `,"batch":"own"`), one(4, ""),
			}, ",") + `]`
			var got api.BatchAccepted
			s.must(t, http.StatusOK, s.shop, http.MethodPost, shipments, body, &got)
			if got.Accepted != 2 || got.Already != 2 || got.Conflicts != 1 || got.Rejected != 3 || got.ETA == nil || !strings.HasPrefix(got.Batch, "shop-") {
				t.Errorf("got %+v", got)
			}
			for i, want := range []api.Item{
				{Status: api.StatusAlready, Batch: "first"},
				{Status: api.StatusConflict, Field: "invoice_no", Location: "body[1].invoice_no"},
				{Status: api.StatusAccepted, Batch: got.Batch},
				{Status: api.StatusRejected, Field: "partner", Location: "body[3].partner"},
				{Status: api.StatusRejected, Field: "trade_no", Location: "body[4].trade_no"},
				{Status: api.StatusRejected, Location: "body[5]"},
				{Status: api.StatusAccepted, Batch: "own"},
				{Status: api.StatusAlready, Batch: "own"},
			} {
				item := got.Items[i]
				if (item.Reason == "") != (item.Field == "" && item.Location == "") {
					t.Errorf("item %d: %+v", i, item)
				}
				item.Partner, item.TradeNo, item.Reason = "", "", ""
				if item != want {
					t.Errorf("item %d is %+v, want %+v", i, item, want)
				}
			}
			row, err := s.book.Get(t.Context(), shipment.Key{Partner: shopPartner, TradeNo: trade(2)})
			if err != nil || !row.Urgent {
				t.Errorf("the ledger has %+v, %v", row, err)
			}
		})
	}
}

// What is wrong with all of a body is said of all of it, and nothing of it is taken.
func TestBodiesThatAreRefused(t *testing.T) {
	s := newSite(t)
	for name, c := range map[string]struct {
		body   string
		status int
		says   string
	}{
		"empty":               {" ", http.StatusBadRequest, "is empty"},
		"not JSON":            {`{"trade_no":`, http.StatusBadRequest, "not JSON"},
		"two values":          {one(1, "") + one(2, ""), http.StatusBadRequest, "not JSON"},
		"a comma too many":    {`[` + one(1, "") + `,]`, http.StatusBadRequest, "not JSON"},
		"not UTF-8":           {"{\"trade_no\":\"\xff\"}", http.StatusBadRequest, "UTF-8"},
		"a text":              {`"x"`, http.StatusUnprocessableEntity, "neither an object"},
		"null":                {`null`, http.StatusUnprocessableEntity, "neither an object"},
		"an empty array":      {`[]`, http.StatusUnprocessableEntity, "is empty"},
		"too many items":      {many(1, api.MaxItems+1, ""), http.StatusUnprocessableEntity, "more than 1000"},
		"deeper than sense":   {strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000), http.StatusBadRequest, "not JSON"},
		"too large":           {strings.Repeat(" ", 5<<20), http.StatusRequestEntityTooLarge, "larger than"},
		"for another's trade": {one(1, `,"partner":"`+mallPartner+`"`), http.StatusForbidden, "may not ship"},
		"all for another":     {many(1, 3, `,"partner":"`+mallPartner+`"`), http.StatusForbidden, "may not ship"},
	} {
		t.Run(name, func(t *testing.T) {
			p := s.must(t, c.status, s.shop, http.MethodPost, shipments, c.body, nil).problem(t)
			if !strings.Contains(p.Detail, c.says) {
				t.Errorf("got %q, want it to say %q", p.Detail, c.says)
			}
		})
	}
	counts, err := s.book.CountsByPartner(t.Context())
	if err != nil || len(counts) > 0 {
		t.Errorf("the ledger has %v, %v", counts, err)
	}
}

// What is wrong with a field is said with its name.
func TestFieldsThatAreRefused(t *testing.T) {
	s := newSite(t)
	for name, c := range map[string]struct{ body, location, says string }{
		"a number for a text":      {`{"trade_no":20261123000010010000000001,"logistics_name":"x"}`, "body.trade_no", "lose digits"},
		"a list for a text":        {`{"trade_no":["x",{"y":[]}],"logistics_name":"x"}`, "body.trade_no", "is an array"},
		"an object for a text":     {one(1, `,"seller_ip":{"a":{"b":1}}`), "body.seller_ip", "is an object"},
		"a switch for a text":      {one(1, `,"seller_ip":true`), "body.seller_ip", "true or false"},
		"a text for a switch":      {one(1, `,"urgent":"yes"`), "body.urgent", "without quotes"},
		"twice":                    {one(1, `,"invoice_no":"SF1"`), "body.invoice_no", "stands twice"},
		"unknown":                  {one(1, `,"invoiceNo":"SF1"`), "body.invoiceNo", "not known"},
		"unknown and long":         {one(1, `,"`+strings.Repeat("x", 5000)+`":"SF1"`), "body." + strings.Repeat("x", 40) + "…", "not known"},
		"an empty transport type":  {one(1, `,"transport_type":""`), "body.transport_type", "is missing"},
		"no courier":               {`{"trade_no":"` + trade(1) + `"}`, "body.logistics_name", "is missing"},
		"half a character":         {one(1, `,"order_ref":"\ud800"`), "body.order_ref", "broken"},
		"no account":               {one(1, `,"partner":"1"`), "body.partner", "2088"},
		"a batch with a line feed": {one(1, `,"batch":"a\nb"`), "body.batch", "control"},
	} {
		t.Run(name, func(t *testing.T) {
			p := s.must(t, http.StatusUnprocessableEntity, s.shop, http.MethodPost, shipments, c.body, nil).problem(t)
			if len(p.Errors) != 1 || p.Errors[0].Location != c.location || !strings.Contains(p.Errors[0].Message, c.says) {
				t.Errorf("got %+v, want %s: %s", p.Errors, c.location, c.says)
			}
		})
	}
	// As in an array, and null is as good as nothing.
	var got api.BatchAccepted
	s.must(t, http.StatusOK, s.shop, http.MethodPost, shipments, `[`+one(1, `,"seller_ip":null,"urgent":null`)+`,`+one(2, `,"nope":1`)+`]`, &got)
	if got.Items[0].Status != api.StatusAccepted || got.Items[1].Location != "body[1].nope" {
		t.Errorf("got %+v", got.Items)
	}
}

// A token with several accounts has to say which; one that no worker has announced is refused.
func TestWhichAccount(t *testing.T) {
	s := newSite(t)
	p := s.must(t, http.StatusUnprocessableEntity, s.mall, http.MethodPost, shipments, one(1, ""), nil).problem(t)
	if p.Errors[0].Location != "body.partner" || !strings.Contains(p.Errors[0].Message, mallPartner2) || strings.Contains(p.Errors[0].Message, shopPartner) {
		t.Errorf("got %+v", p.Errors)
	}
	of := `,"partner":"` + mallPartner + `"`
	s.must(t, http.StatusAccepted, s.mall, http.MethodPost, shipments, one(1, of), nil) // nobody has announced any yet
}

func TestAnAccountThatNoWorkerServes(t *testing.T) {
	s := newSite(t)
	s.announce(t, mallPartner)
	s.must(t, http.StatusAccepted, s.mall, http.MethodPost, shipments, one(1, `,"partner":"`+mallPartner+`"`), nil)
	p := s.must(t, http.StatusUnprocessableEntity, s.mall, http.MethodPost, shipments, one(1, `,"partner":"`+mallPartner2+`"`), nil).problem(t)
	if p.Errors[0].Location != "body.partner" || !strings.Contains(p.Errors[0].Message, "no worker has announced") {
		t.Errorf("got %+v", p.Errors)
	}
}

// A thousand are the most, and are taken.
func TestTheLargestArray(t *testing.T) {
	s := newSite(t)
	var got api.BatchAccepted
	s.must(t, http.StatusOK, s.shop, http.MethodPost, shipments+"?urgent=true", many(1, api.MaxItems, ""), &got)
	if got.Accepted != api.MaxItems {
		t.Errorf("got %+v", got)
	}
}

func TestWrongQueries(t *testing.T) {
	s := newSite(t)
	for query, location := range map[string]string{
		"batc=x": "query.batc", "urgent=perhaps": "query.urgent", "batch=" + strings.Repeat("x", 129): "query.batch", "batch=a%00b": "query.batch",
	} {
		p := s.must(t, http.StatusUnprocessableEntity, s.shop, http.MethodPost, shipments+"?"+query, one(1, ""), nil).problem(t)
		if len(p.Errors) != 1 || p.Errors[0].Location != location {
			t.Errorf("%s: got %+v", query, p.Errors)
		}
	}
}
