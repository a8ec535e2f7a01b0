package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/settings"
	"fahuo/internal/shipment"
)

// What webhooks were told is shown, and told again under the same id.
func TestEvents(t *testing.T) {
	url := "sqlite:" + t.TempDir() + "/fahuo.db"
	l, err := ledger.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}()
	const partner, trade = "2088900000000007", "2026112300001001000000000001"
	announced, err := l.AnnounceEndpoints(t.Context(), ledger.OwnerAccount, nil, []ledger.Endpoint{{Owner: partner, Name: "erp", URL: "https://erp.example"}})
	if err != nil {
		t.Fatal(err)
	}
	v := shipment.Shipment{Partner: partner, TradeNo: trade, LogisticsName: "顺丰速运", TransportType: shipment.TransportExpress, Batch: "b1"}
	if _, err := l.Accept(t.Context(), []shipment.Shipment{v}, ledger.AcceptOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := l.Cancel(t.Context(), ledger.Scope{Batch: "b1"}, "wang"); err != nil {
		t.Fatal(err)
	}
	claimed, err := l.ClaimDeliveries(t.Context(), announced[0].ID, 10, time.Minute)
	if err != nil || len(claimed) != 1 {
		t.Fatal(claimed, err)
	}
	if err := l.Attempted(t.Context(), claimed[0], ledger.Attempted{GiveUp: true, Status: 410, Error: "answered 410 Gone"}); err != nil {
		t.Fatal(err)
	}
	id := claimed[0].Event.ID
	events := func(want int, args ...string) (out, errOut string) {
		t.Helper()
		var o, e strings.Builder
		if code := run(t.Context(), append([]string{"events"}, append(args, "--ledger", url)...), streams{strings.NewReader(""), &o, &e}); code != want {
			t.Fatalf("events %v: exit code %d, not %d: %s", args, code, want, e.String())
		}
		return o.String(), e.String()
	}
	if out, _ := events(0); !strings.Contains(out, id) || !strings.Contains(out, "failed after 1 attempt (answered 410 Gone)") || !strings.Contains(out, "account:"+partner+"/erp") {
		t.Errorf("the list says %s", out)
	}
	var listed struct{ Deliveries []told }
	out, _ := events(0, "list", "--json", "--failed", "--endpoint", "account:"+partner+"/erp", "--after", "2026-01-01", "--trade-no", trade)
	if err := json.Unmarshal([]byte(out), &listed); err != nil || len(listed.Deliveries) != 1 || listed.Deliveries[0].Event != id || listed.Deliveries[0].Status != 410 {
		t.Errorf("as JSON %s (%v)", out, err)
	}
	for _, args := range [][]string{{"--partner", "2088900000000008"}, {"--after", "2999-01-01T00:00:00Z"}, {"--event", "evt_x"}} {
		if out, _ := events(0, args...); !strings.Contains(out, "No such deliveries") {
			t.Errorf("%v: %s", args, out)
		}
	}
	for want, args := range map[string][]string{
		"say what to send again": {"replay"}, "--all, by itself": {"replay", "--all", "--failed"}, "neither a date": {"--after", "yesterday"}, "--limit": {"--limit", "0"},
	} {
		if _, said := events(2, args...); !strings.Contains(said, want) {
			t.Errorf("%v: %s", args, said)
		}
	}
	if _, said := events(1, "--endpoint", "token:shop/erp"); !strings.Contains(said, "there are account:"+partner+"/erp") {
		t.Errorf("a webhook that is not there: %s", said)
	}
	if out, _ := events(0, "replay", "--failed", "--json"); strings.TrimSpace(out) != `{"replayed":1}` {
		t.Errorf("replayed: %s", out)
	}
	if out, _ := events(0, "list", "--event", id); !strings.Contains(out, "pending after 1 attempt") {
		t.Errorf("after the replay: %s", out)
	}
	trail, err := l.Audit(t.Context(), ledger.AuditFilter{Act: ledger.ActReplay}, 10)
	if err != nil || len(trail) != 1 || trail[0].Actor != settings.Person() {
		t.Errorf("the trail says %+v (%v)", trail, err)
	}
}
