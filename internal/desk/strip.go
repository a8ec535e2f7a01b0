package desk

import (
	"fmt"
	"strings"
	"time"

	"fahuo/internal/beijing"
	"fahuo/internal/ledger"
)

// callClass is a kind of result of a ship call, with a shape and a lane of its own, so that it is told by more than
// colour. draw adds a mark whose middle is at x.
type callClass struct {
	Name string // the class in the style, and the key call.NAME
	Box  string // around a mark alone, for the legend
	draw func(b *strings.Builder, x float64)
}

// The two lanes: below what is to be expected, above what is not, so that one trouble among many successes is seen.
const (
	upperLane = "0 0 12 14"
	lowerLane = "0 15 12 14"
)

// Sample is one mark, for the legend.
func (c callClass) Sample() string {
	var b strings.Builder
	c.draw(&b, 6)
	return b.String()
}

// callClasses in the order in which people read them.
var callClasses = []callClass{
	{"success", lowerLane, func(b *strings.Builder, x float64) { fmt.Fprintf(b, "M%.1f 16v12", x) }},
	{"busy", upperLane, func(b *strings.Builder, x float64) { fmt.Fprintf(b, "M%.1f 3l4.5 8h-9z", x) }},
	{"refused", upperLane, func(b *strings.Builder, x float64) { fmt.Fprintf(b, "M%.1f 2l4.5 5l-4.5 5l-4.5-5z", x) }},
	{"account", upperLane, func(b *strings.Builder, x float64) { fmt.Fprintf(b, "M%.1f 3l8 8m0-8l-8 8", x-4) }},
	{"unknown", upperLane, func(b *strings.Builder, x float64) { fmt.Fprintf(b, "M%.1f 7a4 4 0 1 0 8 0a4 4 0 1 0-8 0z", x-4) }},
	{"not_sent", lowerLane, func(b *strings.Builder, x float64) { fmt.Fprintf(b, "M%.1f 22h5", x-2.5) }},
}

// verdicts is the one table of what a verdict in the record of calls counts as; what stands not in it, and what was
// never answered, is unknown. The words are those of the worker's outcomes.
var verdicts = map[string]string{
	"succeeded": "success", "busy": "busy", "out_of_step": "refused", "shipment_fault": "refused", "unlisted_code": "refused",
	"account_fault": "account", ledger.VerdictNotSent: "not_sent",
}

// classify tells what a call counts as.
func classify(m ledger.Mark) string {
	if class, ok := verdicts[m.Verdict]; ok && m.Answered {
		return class
	}
	return "unknown"
}

// strip is the last hour of an account: a mark for every call.
type strip struct {
	Name, Partner string
	Width         int
	Paths         []stripPath
	Ticks         []tick
	Calls         int64
}

// stripPath is every mark of one class.
type stripPath struct {
	Class string
	D     string
	N     int64
}

// tick is a time on an axis.
type tick struct {
	X      string
	Text   string
	Anchor string
}

// The drawing's measures; templates/overview.html has the rest.
const (
	stripWidth  = 900
	stripMargin = 6.0
)

// drawStrip draws calls between two times. Times without a call stay empty.
func drawStrip(name, partner string, marks []ledger.Mark, from, to time.Time) strip {
	s := strip{Name: name, Partner: partner, Width: stripWidth}
	place := func(t time.Time) float64 {
		return stripMargin + float64(t.Sub(from))/float64(to.Sub(from))*(stripWidth-2*stripMargin)
	}
	drawn := make(map[string]*strings.Builder)
	n := make(map[string]int64)
	for _, m := range marks {
		if m.At.Before(from) || m.At.After(to) {
			continue
		}
		class := classify(m)
		if drawn[class] == nil {
			drawn[class] = new(strings.Builder)
		}
		n[class]++
		s.Calls++
		for _, c := range callClasses {
			if c.Name == class {
				c.draw(drawn[class], place(m.At))
			}
		}
	}
	for _, c := range callClasses {
		if n[c.Name] > 0 {
			s.Paths = append(s.Paths, stripPath{c.Name, drawn[c.Name].String(), n[c.Name]})
		}
	}
	const step = 10 * time.Minute
	for t := from.Truncate(step).Add(step); t.Before(to); t = t.Add(step) {
		x := place(t)
		anchor := "middle"
		if x < 20 {
			anchor = "start"
		} else if x > stripWidth-20 {
			anchor = "end"
		}
		s.Ticks = append(s.Ticks, tick{fmt.Sprintf("%.1f", x), t.In(beijing.Zone).Format("15:04"), anchor})
	}
	return s
}
