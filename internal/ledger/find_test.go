package ledger_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

func find(t *testing.T, l *ledger.Ledger, text string, most int) []string {
	t.Helper()
	rows, err := l.Find(t.Context(), text, most)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return tradeNos(rows)
}

func testFind(t *testing.T) {
	l := book(t)
	other := "2088000000000002"
	for _, s := range []struct{ partner, no, ref, invoice string }{
		{partner, "1990000000000000", "A-1", "SF1"},
		{partner, "1990000000000001", "a-1", "sf1"},
		{other, "1990000000000000", "A-1x", "SF12"},
		{partner, "1999999999999999", "50%", "A%"},
		{partner, "2000000000000000", "50 off", "AB"},
		{partner, "9999000000000000", "x_y", "_"},
		{partner, "9999999999999999", "xzy", "é"},
		{partner, "9998000000000000", "订单甲", "é1"},
		{partner, "1000000000000000", "订单乙", "E"},
		{partner, "1000000000000001", "", ""},
	} {
		accept(t, l, shipment.Shipment{
			Partner: s.partner, TradeNo: s.no, OrderRef: s.ref, InvoiceNo: s.invoice, LogisticsName: "x", TransportType: shipment.TransportExpress,
		})
	}
	for _, garbage := range []string{"199x", "9999x"} { // dead letters may have any key
		if err := l.AcceptDead(t.Context(), shipment.Key{Partner: partner, TradeNo: garbage}, nil, "w"); err != nil {
			t.Fatal(err)
		}
	}
	for text, want := range map[string][]string{
		"1990000000000000":  {"1990000000000000", "1990000000000000"},
		"19900000000000000": {},
		"199000000000000":   {"1990000000000000", "1990000000000001", "1990000000000000"},
		"199":               {"199x", "1999999999999999", "1990000000000000", "1990000000000001", "1990000000000000"},
		"1999":              {"1999999999999999"},
		"9999":              {"9999x", "9999999999999999", "9999000000000000"},
		"99999":             {"9999999999999999"},
		"999":               {"9999x", "9998000000000000", "9999999999999999", "9999000000000000"},
		"9":                 {"9999x", "9998000000000000", "9999999999999999", "9999000000000000"},
		"2":                 {"2000000000000000"},
		"A-1":               {"1990000000000000", "1990000000000000"},
		"a-1":               {"1990000000000001"},
		"SF1":               {"1990000000000000", "1990000000000000"},
		"sf":                {"1990000000000001"},
		"50":                {"2000000000000000", "1999999999999999"},
		"50%":               {"1999999999999999"},
		"%":                 {},
		"A%":                {"1999999999999999"},
		"_":                 {"9999000000000000"},
		"x_":                {"9999000000000000"},
		"订单":                {"1000000000000000", "9998000000000000"},
		"订":                 {"1000000000000000", "9998000000000000"},
		"订单甲":               {"9998000000000000"},
		"é":                 {"9998000000000000", "9999999999999999"},
		"E":                 {"1000000000000000"},
		"no such":           {},
		"\xff":              {},
		"a\x00":             {},
	} {
		if got := find(t, l, text, 50); !slices.Equal(got, want) {
			t.Errorf("%q finds %v, want %v", text, got, want)
		}
	}
	if got := find(t, l, "1", 3); len(got) != 3 {
		t.Errorf("at most three: %v", got)
	}
}

func testWindowsCoverEverythingOnce(t *testing.T) {
	l := book(t)
	for n := range 40 {
		s := parcel(n)
		s.OrderRef = fmt.Sprintf("Ab_%d%%", n%7)
		accept(t, l, s)
	}
	ledger.Exec(t, l, `DELETE FROM shipments WHERE id % 3 = 0 OR id BETWEEN 10 AND 17`)
	all, err := l.All(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(all)
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.SampledFrom([]string{"sf1", "SF", "1", "b_3%", "_%", "%%", "0000", "no such"}).Draw(rt, "text")
		window, most := rapid.Int64Range(2, 50).Draw(rt, "window"), rapid.IntRange(1, 12).Draw(rt, "most")
		var got []ledger.Row
		windows := 0
		for before := int64(0); ; {
			rows, next, err := l.FindInside(t.Context(), text, before, window, most)
			if err != nil || len(rows) > most || next != 0 && before != 0 && next >= before {
				rt.Fatalf("%d rows, from %d on to %d: %v", len(rows), before, next, err)
			}
			got = append(got, rows...)
			if windows++; next == 0 {
				break
			}
			before = next
		}
		var want []ledger.Row
		for _, r := range all {
			if strings.Contains(strings.ToLower(r.TradeNo+" "+r.OrderRef+" "+r.InvoiceNo), strings.ToLower(text)) {
				want = append(want, r)
			}
		}
		if !slices.Equal(tradeNos(got), tradeNos(want)) {
			rt.Fatalf("found %v, want %v", tradeNos(got), tradeNos(want))
		}
		if most := 40/int(window) + 1 + len(want)/most; windows > most+1 {
			rt.Fatalf("%d windows of %d", windows, window)
		}
	})
	empty := open(t, newURL(t))
	if rows, next, err := empty.FindInside(t.Context(), "x", 0, 10, 10); err != nil || len(rows) != 0 || next != 0 {
		t.Errorf("%v %d %v", rows, next, err)
	}
}

func TestAfterDigits(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"": "", "0": "1", "8": "9", "9": "", "99": "", "19": "2", "1299": "13", "90": "91", "98": "99"} {
		if end, ok := ledger.AfterDigits(text); !ok || end != want {
			t.Errorf("after %q: %q %v", text, end, ok)
		}
	}
	for _, text := range []string{"a", "1a", "a1", "1 ", "١"} {
		if end, ok := ledger.AfterDigits(text); ok {
			t.Errorf("after %q: %q", text, end)
		}
	}
}
