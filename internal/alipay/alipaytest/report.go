package alipaytest

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"fahuo/internal/alipay"
	"fahuo/internal/beijing"
)

// Summary is the record in a few numbers.
type Summary struct {
	Requests    int           `json:"requests"`
	Ships       int           `json:"ships"`           // ship calls
	Queries     int           `json:"queries"`         // the rest are neither
	Shipped     int           `json:"shipped"`         // trades that a call shipped
	SmallestGap time.Duration `json:"smallest_gap_ns"` // between two ship arrivals of one account; 0: no account called twice
	TightestN   int           `json:"tightest_n"`      // the arrival after that gap
	Breaches    int           `json:"breaches"`
}

// Summary sums up the record.
func (r Record) Summary() Summary {
	s := Summary{Requests: len(r.Arrivals), Breaches: len(r.Breaches)}
	for _, a := range r.Arrivals {
		switch a.Service {
		case alipay.ServiceShip:
			s.Ships++
		case alipay.ServiceQuery:
			s.Queries++
		}
		if a.Applied {
			s.Shipped++
		}
		if a.Gap > 0 && (s.TightestN == 0 || a.Gap < s.SmallestGap) {
			s.SmallestGap, s.TightestN = a.Gap, a.N
		}
	}
	return s
}

// Report prints what the gateway has seen: calls, the smallest gap, every broken law.
func (g *Gateway) Report(w io.Writer) error {
	r := g.Record()
	s := r.Summary()
	var b bytes.Buffer
	fmt.Fprintln(&b, "simulated gateway, not Alipay: report")
	fmt.Fprintf(&b, "requests      %d (ship %d, query %d, other %d)\n", s.Requests, s.Ships, s.Queries, s.Requests-s.Ships-s.Queries)
	fmt.Fprintf(&b, "shipped       %d\n", s.Shipped)
	if s.TightestN > 0 {
		fmt.Fprintf(&b, "smallest gap  %v (arrival %d, partner %s)\n", s.SmallestGap, s.TightestN, r.Arrivals[s.TightestN-1].Partner)
	} else {
		fmt.Fprintln(&b, "smallest gap  none: no account has called twice")
	}
	fmt.Fprintf(&b, "broken laws   %d\n", s.Breaches)
	for _, breach := range r.Breaches {
		fmt.Fprintf(&b, "  %v\n", breach)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// String is a breach in one line.
func (b Breach) String() string {
	return fmt.Sprintf("%s: arrival %d at %s, partner %s, trade %s: %s", b.Law, b.N, b.At.In(beijing.Zone).Format("15:04:05.000"), b.Partner, b.TradeNo, b.Detail)
}
