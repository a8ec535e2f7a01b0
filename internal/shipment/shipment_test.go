package shipment_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"fahuo/internal/shipment"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestKey(t *testing.T) {
	t.Parallel()
	key := good().Key()
	if key.String() != "2088000000000001:2026112300001001000000000001" {
		t.Errorf("got %s", key)
	}
	if back, err := shipment.ParseKey(key.String()); err != nil || back != key {
		t.Errorf("got %v, %v", back, err)
	}
	long := strings.Repeat("9", shipment.MaxKeyPart)
	for _, good := range []string{"2088000000000001:" + long, "a:order 7", "a:单号"} {
		if _, err := shipment.ParseKey(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	// What PostgreSQL cannot keep, or not in an index, is no key anywhere.
	for _, bad := range []string{"", ":", "a:", ":b", "ab", "a:b\x00", "a\x00:b", "a:b\n", "a:\xff", "a:�", "a:b\u200b", "a:" + long + "9", long + "9:b"} {
		if k, err := shipment.ParseKey(bad); err == nil {
			t.Errorf("%q is read as %v", bad, k)
		}
	}
}

// A difference is one in what Alipay gets. The merchant's own notes do not count, nor do blanks.
func TestDiffers(t *testing.T) {
	t.Parallel()
	type s = shipment.Shipment
	for field, change := range map[string]func(*s){
		"logistics_name": func(v *s) { v.LogisticsName = "x" }, "invoice_no": func(v *s) { v.InvoiceNo = "x" },
		"transport_type": func(v *s) { v.TransportType = "x" }, "create_transport_type": func(v *s) { v.CreateTransportType = "x" },
		"seller_ip": func(v *s) { v.SellerIP = "x" },
	} {
		v := good()
		change(&v)
		d, differs := good().Differs(v)
		if !differs || d.Field != field || d.New != "x" {
			t.Errorf("%s: got %+v, %v", field, d, differs)
		}
		if back, _ := v.Differs(good()); back.Old != "x" || back.New != d.Old {
			t.Errorf("%s the other way: got %+v", field, back)
		}
	}
	same := good()
	same.OrderRef, same.Batch, same.Urgent, same.LogisticsName = "other", "other", true, " "+same.LogisticsName+" "
	if d, differs := good().Differs(same); differs {
		t.Errorf("differs: %+v", d)
	}
	several := good()
	several.InvoiceNo, several.SellerIP, several.LogisticsName = "x", "y", "z"
	want := []shipment.Difference{
		{Field: "logistics_name", Old: good().LogisticsName, New: "z"}, {Field: "invoice_no", Old: good().InvoiceNo, New: "x"}, {Field: "seller_ip", Old: good().SellerIP, New: "y"},
	}
	if got := good().Differences(several); !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := good().Differences(same); len(got) > 0 {
		t.Errorf("got %+v", got)
	}
}

// The payload's fields are a contract with those who enqueue from Go.
func TestJSON(t *testing.T) {
	t.Parallel()
	v := good()
	v.Urgent = true
	got, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"partner":"2088000000000001","trade_no":"2026112300001001000000000001","logistics_name":"顺丰速运",` +
		`"invoice_no":"SF1000000001","transport_type":"EXPRESS","create_transport_type":"","seller_ip":"203.0.113.7","order_ref":"A-1","batch":"monday"}`
	if string(got) != want {
		t.Errorf("got %s", got)
	}
}

func TestStates(t *testing.T) {
	t.Parallel()
	for _, s := range shipment.States() {
		if shipment.Shipped.CanBecome(s) {
			t.Errorf("shipped is final, but may become %s", s)
		}
	}
	reasons := shipment.Reasons()
	slices.Sort(reasons)
	if n := len(slices.Compact(reasons)); n != 10 {
		t.Errorf("%d reasons of death, the contract has 10", n)
	}
}

// Whatever way a shipment goes by the arrows: a call comes before it is said to be under way again, only
// shipped is final, and what has died or was closed is never called without having been queued anew.
func TestEveryWayThroughTheStates(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		at := shipment.Queued
		for range rapid.IntRange(0, 50).Draw(t, "steps") {
			next := rapid.SampledFrom(shipment.States()).Draw(t, "next")
			if !at.CanBecome(next) {
				continue
			}
			switch {
			case at == shipment.Shipped:
				t.Fatalf("shipped became %s", next)
			case next == shipment.Calling && at != shipment.Queued:
				t.Fatalf("%s is called", at)
			case at == next && at != shipment.Queued:
				t.Fatalf("%s became itself", at)
			case at == shipment.Calling && next == shipment.Closed:
				t.Fatal("closed in the middle of a call")
			}
			at = next
		}
		// Nothing is ever stuck: from wherever it is, there is a way to shipped.
		if at != shipment.Shipped && !at.CanBecome(shipment.Queued) {
			t.Fatalf("%s cannot go back in line", at)
		}
	})
}

// The drawing that opens the package, arrow by arrow: each is allowed, every state is reached by them from
// acceptance on, and nothing else is allowed. Staying queued is going back in line without a call.
func TestTheArrowsAreThoseDrawn(t *testing.T) {
	t.Parallel()
	drawn := map[shipment.State][]shipment.State{
		shipment.Queued:  {shipment.Queued, shipment.Calling, shipment.Shipped, shipment.Dead, shipment.Closed},
		shipment.Calling: {shipment.Queued, shipment.Shipped, shipment.Dead},
		shipment.Dead:    {shipment.Queued, shipment.Closed, shipment.Shipped},
		shipment.Closed:  {shipment.Queued, shipment.Dead},
	}
	for _, from := range append(shipment.States(), "", "lost") {
		for _, to := range append(shipment.States(), "", "lost") {
			if got, want := from.CanBecome(to), slices.Contains(drawn[from], to); got != want {
				t.Errorf("from %q to %q: %v, drawn is %v", from, to, got, want)
			}
		}
	}
	reached := []shipment.State{shipment.Queued}
	for i := 0; i < len(reached); i++ {
		for _, to := range shipment.States() {
			if reached[i].CanBecome(to) && !slices.Contains(reached, to) {
				reached = append(reached, to)
			}
		}
	}
	if len(reached) != len(shipment.States()) {
		t.Errorf("only %v can be reached", reached)
	}
}
