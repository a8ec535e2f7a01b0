package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"fahuo/internal/alipay"
	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/beijing"
)

// printer tells what happens on standard output. What cannot be written is lost: the record stays.
type printer interface {
	listening(*alipaytest.Server, *cli)
	call(alipaytest.Event)
	report(*alipaytest.Gateway) error
}

// lines prints for people.
type lines struct{ out io.Writer }

func (l *lines) listening(s *alipaytest.Server, c *cli) {
	_, _ = fmt.Fprintf(l.out, "simulated gateway, not Alipay: %s (interval %v, seed %d)\n", s.URL(), c.Interval, c.Seed)
}

// call prints a request as time, service, partner, trade, gap, answer and what else there is to say, and
// under it every law that it broke.
func (l *lines) call(e alipaytest.Event) {
	a := e.Arrival
	fields := []string{a.At.In(beijing.Zone).Format("15:04:05.000"), fmt.Sprintf("%-5s", short(a.Service)), a.Partner, a.TradeNo, gap(a), answer(a)}
	if a.Applied {
		fields = append(fields, "shipped")
	}
	if a.Fault != alipaytest.NoFault {
		fields = append(fields, "fault="+a.Fault.String())
	}
	if a.Gone {
		fields = append(fields, "caller gone")
	}
	var b strings.Builder
	b.WriteString(strings.Join(fields, "  ") + "\n")
	for _, breach := range e.Breaches {
		fmt.Fprintf(&b, "!!! LAW BROKEN  %v\n", breach)
	}
	_, _ = io.WriteString(l.out, b.String())
}

func (l *lines) report(g *alipaytest.Gateway) error {
	if err := g.Report(l.out); err != nil {
		return err
	}
	if len(g.Breaches()) > 0 {
		_, err := fmt.Fprintln(l.out, "laws were broken; the exit code is 0 all the same, since the simulator did what it is for")
		return err
	}
	return nil
}

func short(service string) string {
	switch service {
	case alipay.ServiceShip:
		return "ship"
	case alipay.ServiceQuery:
		return "query"
	case "":
		return "-"
	}
	return fmt.Sprintf("%q", service)
}

func gap(a alipaytest.Arrival) string {
	if a.Gap == 0 {
		return "gap -"
	}
	return "gap " + a.Gap.Round(time.Millisecond).String()
}

func answer(a alipaytest.Arrival) string {
	if a.Answer == "" {
		return "(no answer)"
	}
	return a.Answer
}

// objects prints for programs: one JSON object a line, of which "event" says what it is.
type objects struct{ encoder *json.Encoder }

func newObjects(out io.Writer) *objects { return &objects{encoder: json.NewEncoder(out)} }

func (o *objects) listening(s *alipaytest.Server, c *cli) {
	_ = o.encoder.Encode(struct {
		Event    string `json:"event"`
		Note     string `json:"note"`
		URL      string `json:"url"`
		Interval string `json:"interval"`
		Seed     uint64 `json:"seed"`
	}{"listening", alipaytest.HeaderValue, s.URL(), c.Interval.String(), c.Seed})
}

func (o *objects) call(e alipaytest.Event) {
	_ = o.encoder.Encode(struct {
		Event string `json:"event"`
		alipaytest.Arrival
		Breaches []alipaytest.Breach `json:"breaches,omitempty"`
	}{"call", e.Arrival, e.Breaches})
}

func (o *objects) report(g *alipaytest.Gateway) error {
	return o.encoder.Encode(struct {
		Event string `json:"event"`
		alipaytest.Summary
	}{"report", g.Record().Summary()})
}
