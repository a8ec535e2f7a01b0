package shipment_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"fahuo/internal/shipment"
)

func good() shipment.Shipment {
	return shipment.Shipment{
		Partner: "2088000000000001", TradeNo: "2026112300001001000000000001", LogisticsName: "顺丰速运",
		InvoiceNo: "SF1000000001", TransportType: "EXPRESS", SellerIP: "203.0.113.7", OrderRef: "A-1", Batch: "monday",
	}
}

// Each case is a fault and the words that a clerk reads about it (G3, G4, G5).
func TestValidateNamesFieldAndRemedy(t *testing.T) {
	t.Parallel()
	type s = shipment.Shipment
	for _, c := range []struct {
		name   string
		change func(*s)
		field  string
		says   string
	}{
		{"partner missing", func(v *s) { v.Partner = "" }, "partner", "is missing; give the merchant's account id"},
		{"partner short", func(v *s) { v.Partner = "2088" }, "partner", `"2088" is not 16 digits beginning with 2088`},
		{"partner other digits", func(v *s) { v.Partner = "3088000000000001" }, "partner", "beginning with 2088"},
		{"partner letters", func(v *s) { v.Partner = "208800000000000x" }, "partner", "is not 16 digits"},
		{"trade missing", func(v *s) { v.TradeNo = "" }, "trade_no", "is missing; give Alipay's trade number"},
		{"trade rounded", func(v *s) { v.TradeNo = "2.01E+27" }, "trade_no", `"2.01E+27" was turned into a rounded number by a spreadsheet`},
		{"trade rounded, no fraction", func(v *s) { v.TradeNo = "2E+27" }, "trade_no", "format the column as text and enter the numbers anew"},
		{"trade rounded, small e", func(v *s) { v.TradeNo = "2.01e27" }, "trade_no", "rounded number"},
		{"trade with a fraction", func(v *s) { v.TradeNo = "2026112300001001000000000001.0" }, "trade_no", "rounded number"},
		{"trade with letters", func(v *s) { v.TradeNo = "T026112300001001" }, "trade_no", "only digits are allowed"},
		{"trade like half a number", func(v *s) { v.TradeNo = "E27" }, "trade_no", "only digits are allowed"},
		{"trade short", func(v *s) { v.TradeNo = "123" }, "trade_no", `"123" has 3 digits; Alipay's trade numbers have 16 to 64`},
		{"trade long", func(v *s) { v.TradeNo = strings.Repeat("1", 65) }, "trade_no", "has 65 digits"},
		{"no transport", func(v *s) { v.TransportType = "" }, "transport_type", "is missing; give POST (平邮), EXPRESS (快递), EMS or DIRECT (无需物流)"},
		{"unknown transport", func(v *s) { v.TransportType = "飞机" }, "transport_type", `"飞机" is not a transport type`},
		{"unknown create transport", func(v *s) { v.CreateTransportType = "AIR" }, "create_transport_type", `"AIR" is not a transport type`},
		{"no courier", func(v *s) { v.LogisticsName = "" }, "logistics_name", "only DIRECT, 无需物流, goes without"},
		{"long courier", func(v *s) { v.LogisticsName = strings.Repeat("顺", 65) }, "logistics_name", "has 65 characters, 64 are allowed"},
		{"ambiguous courier", func(v *s) { v.LogisticsName = "A&B" }, "logistics_name", `"A&B" contains '&', which Alipay's signature cannot carry`},
		{"ambiguous invoice", func(v *s) { v.InvoiceNo = "A=B" }, "invoice_no", `contains '='`},
		{"rounded invoice", func(v *s) { v.InvoiceNo = "7.7E+13" }, "invoice_no", "rounded number by a spreadsheet"},
		{"long invoice", func(v *s) { v.InvoiceNo = strings.Repeat("1", 33) }, "invoice_no", "has 33 characters, 32 are allowed"},
		{"control character", func(v *s) { v.LogisticsName = "顺\x01丰" }, "logistics_name", "contains a control or invisible character (U+0001)"},
		{"line end", func(v *s) { v.InvoiceNo = "SF1\nSF2" }, "invoice_no", "(U+000A)"},
		{"NUL", func(v *s) { v.LogisticsName = "顺\x00丰" }, "logistics_name", "(U+0000)"},
		{"invisible character", func(v *s) { v.InvoiceNo = "SF\u200b1" }, "invoice_no", "(U+200B)"},
		{"line separator", func(v *s) { v.OrderRef = "a\u2028b" }, "order_ref", "(U+2028)"},
		{"broken character", func(v *s) { v.LogisticsName = "\xff" }, "logistics_name", "save the file as UTF-8 or GBK"},
		{"replaced character", func(v *s) { v.LogisticsName = "顺\ufffd" }, "logistics_name", "broken character"},
		{"no IP", func(v *s) { v.SellerIP = "300.1.1.1" }, "seller_ip", `"300.1.1.1" is not an IP address`},
		{"IP with zone", func(v *s) { v.SellerIP = "fe80::1%eth0" }, "seller_ip", "is not an IP address"},
		{"long order", func(v *s) { v.OrderRef = strings.Repeat("1", 129) }, "order_ref", "has 129 characters"},
		{"long batch", func(v *s) { v.Batch = strings.Repeat("1", 129) }, "batch", "has 129 characters"},
		{"a flood", func(v *s) { v.TradeNo = strings.Repeat("x", 1000) }, "trade_no", strings.Repeat("x", 40) + "…"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v := good()
			c.change(&v)
			var fault *shipment.FieldError
			if err := v.Validate(); !errors.As(err, &fault) {
				t.Fatalf("got %v, want a *FieldError", err)
			}
			if fault.Field != c.field || !strings.Contains(fault.Reason, c.says) {
				t.Errorf("got %q, want field %s saying %q", fault, c.field, c.says)
			}
			if len(fault.Error()) > 400 {
				t.Errorf("the error is %d bytes long", len(fault.Error()))
			}
		})
	}
}

func TestValidateAccepts(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*shipment.Shipment){
		"everything":                 func(*shipment.Shipment) {},
		"nothing optional":           func(v *shipment.Shipment) { v.InvoiceNo, v.SellerIP, v.OrderRef, v.Batch = "", "", "", "" },
		"direct without courier":     func(v *shipment.Shipment) { v.LogisticsName, v.TransportType = "", "DIRECT" },
		"create type alone":          func(v *shipment.Shipment) { v.TransportType, v.CreateTransportType = "", "POST" },
		"direct by the create type":  func(v *shipment.Shipment) { v.LogisticsName, v.TransportType, v.CreateTransportType = "", "", "DIRECT" },
		"shortest trade number":      func(v *shipment.Shipment) { v.TradeNo = strings.Repeat("1", 16) },
		"longest trade number":       func(v *shipment.Shipment) { v.TradeNo = strings.Repeat("1", 64) },
		"IPv6":                       func(v *shipment.Shipment) { v.SellerIP = "2001:db8::1" },
		"a waybill that has an E":    func(v *shipment.Shipment) { v.InvoiceNo = "1E5" },
		"an order with & and =":      func(v *shipment.Shipment) { v.OrderRef = "a=1&b=2" },
		"courier at the upper limit": func(v *shipment.Shipment) { v.LogisticsName = strings.Repeat("顺", 64) },
	} {
		v := good()
		change(&v)
		if err := v.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheckPartnerAndBatch(t *testing.T) {
	t.Parallel()
	if err := errors.Join(shipment.CheckPartner("2088000000000001"), shipment.CheckBatch("周一 1")); err != nil {
		t.Error(err)
	}
	if shipment.CheckPartner("1") == nil || shipment.CheckBatch("a\nb") == nil {
		t.Error("a wrong partner or batch was accepted")
	}
}

// What exports put around numbers, and people around words, is taken away.
func TestNormalize(t *testing.T) {
	t.Parallel()
	const no = "2026112300001001000000000001"
	for _, raw := range []string{no, " " + no + "\t", "'" + no, "`" + no, `="` + no + `"`, `=" ` + no + ` "`, "\t'" + no, `'="` + no + `"`} {
		if got := shipment.Unwrap(raw); got != no {
			t.Errorf("Unwrap(%q) = %q", raw, got)
		}
	}
	for raw, want := range map[string]string{
		"平邮": "POST", " 快递 ": "EXPRESS", "ems": "EMS", "无需物流": "DIRECT", "Express": "EXPRESS", "post": "POST", "direct": "DIRECT", " 飞 ": "飞", "": "",
	} {
		if got := shipment.TransportType(raw); got != want {
			t.Errorf("TransportType(%q) = %q, want %q", raw, got, want)
		}
	}
	want := good()
	got := shipment.Shipment{
		Partner: " 2088000000000001", TradeNo: `="2026112300001001000000000001"`, LogisticsName: " 顺丰速运 ", InvoiceNo: "'SF1000000001",
		TransportType: "快递", SellerIP: " 203.0.113.7 ", OrderRef: "\tA-1", Batch: " monday ",
	}.Normalize()
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestNormalizeIsDoneOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching("[ '`=\"\t0-9]{0,12}"))
		s := shipment.Shipment{
			Partner: text.Draw(t, "partner"), TradeNo: text.Draw(t, "trade"), LogisticsName: text.Draw(t, "courier"),
			InvoiceNo: text.Draw(t, "invoice"), TransportType: text.Draw(t, "transport"), OrderRef: text.Draw(t, "order"),
		}
		once := s.Normalize()
		if twice := once.Normalize(); twice != once {
			t.Fatalf("once %+v, twice %+v", once, twice)
		}
	})
}

// Whatever passes may be signed and sent: G2, G5, and no character that makes the signed string ambiguous.
func TestWhatPassesCanBeSent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := good()
		s.LogisticsName = rapid.String().Draw(t, "courier")
		s.InvoiceNo = rapid.String().Draw(t, "invoice")
		if s.Validate() != nil {
			return
		}
		for _, v := range []string{s.LogisticsName, s.InvoiceNo} {
			if strings.ContainsAny(v, "&=\x00\r\n\t") || !utf8.ValidString(v) {
				t.Fatalf("%q passed", v)
			}
		}
	})
}
