package desk

import (
	"fmt"
	"time"

	"fahuo/internal/beijing"
	"fahuo/internal/ledger"
)

// dayChart is what was shipped and what died, hour by hour.
type dayChart struct {
	Width, Plot   int // of the drawing, and of it without the axis at its right
	Hours         []hourBars
	Lines         []gridLine
	Shipped, Dead int64
}

// hourBars is one hour: two bars.
type hourBars struct {
	ledger.Hour
	To          time.Time
	X           string // of the hour's middle
	Label       string // empty: none stands below it
	Full        string // the hour in words, for people
	ShippedBar  bar
	DeadBar     bar
	Empty, Last bool
}

type bar struct{ X, Y, Width, Height string }

// gridLine is a line at a round number.
type gridLine struct {
	Y     string
	Value int64
}

// The drawing's measures. Zero stands at dayFoot; templates/overview.html has the rest.
const (
	dayWidth = 900
	dayTop   = 14.0
	dayFoot  = 120.0
	dayAxis  = 46
)

// drawDay draws n hours from a time on; hours in which nothing happened are missing in what is given.
func drawDay(hours []ledger.Hour, from time.Time, n int) dayChart {
	c := dayChart{Width: dayWidth, Plot: dayWidth - dayAxis}
	known := make(map[int64]ledger.Hour, len(hours))
	most := int64(0)
	for _, h := range hours {
		known[h.From.Unix()] = h
		most = max(most, h.Shipped, h.Dead)
	}
	top := roundUp(most)
	height := func(v int64) float64 { // what is there is seen, however little it is
		if v == 0 {
			return 0
		}
		return max(2, float64(v)/float64(top)*(dayFoot-dayTop))
	}
	for _, value := range []int64{0, top / 2, top} {
		if value > 0 || len(c.Lines) == 0 {
			c.Lines = append(c.Lines, gridLine{fmt.Sprintf("%.1f", dayFoot-float64(value)/float64(top)*(dayFoot-dayTop)), value})
		}
	}
	slot := float64(c.Plot) / float64(n)
	thick := slot * 0.4
	draw := func(x float64, v int64) bar {
		h := height(v)
		return bar{fmt.Sprintf("%.1f", x), fmt.Sprintf("%.1f", dayFoot-h), fmt.Sprintf("%.1f", thick), fmt.Sprintf("%.1f", h)}
	}
	for i := range n {
		start := from.Add(time.Duration(i) * time.Hour)
		h := known[start.Unix()]
		h.From = start
		x := float64(i) * slot
		b := hourBars{
			Hour: h, To: start.Add(time.Hour), X: fmt.Sprintf("%.1f", x+slot/2), Empty: h.Shipped == 0 && h.Dead == 0,
			Full:       start.In(beijing.Zone).Format("01-02 15:04") + "–" + start.Add(time.Hour).In(beijing.Zone).Format("15:04"),
			ShippedBar: draw(x+slot*0.08, h.Shipped), DeadBar: draw(x+slot*0.52, h.Dead), Last: i == n-1,
		}
		if i%2 == 0 {
			b.Label = start.In(beijing.Zone).Format("15:04")
		}
		c.Hours = append(c.Hours, b)
		c.Shipped += h.Shipped
		c.Dead += h.Dead
	}
	return c
}

// roundUp is the next round number, at which the axis ends: 2, 4, 10, 20, 40, 100, ….
func roundUp(n int64) int64 {
	for unit := int64(1); ; unit *= 10 {
		for _, m := range []int64{2, 4, 10} {
			if n <= m*unit {
				return m * unit
			}
		}
	}
}
