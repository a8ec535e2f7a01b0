package desk_test

import (
	"testing"
	"time"

	"fahuo/internal/shipment"
)

// A list does not wait for the number of its rows for long: it is shown without, says so, and looks again by itself.
func TestAListIsShownBeforeItIsCounted(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	rows := s.acceptMany(partner, 1, 3)
	s.settle(rows, shipment.Dead)
	wang := s.as("wang", "en")
	for path, all := range map[string]string{"/dead": "All that match", "/shipments": ""} {
		s.desk.SetCountPatience(time.Millisecond)
		counted := s.desk.CountSlowly()
		p := wang.look(path)
		p.says(rows[0].TradeNo, "being counted", all)
		p.holds(`data-live="1"`, `<noscript><p><a class="button" href="`+path+`">`)
		p.saysNot(">0<", "0 in all", "All 0")
		counted()
		s.desk.SetCountPatience(time.Minute)
		p = wang.look(path)
		p.says("3 in all")
		p.saysNot("being counted", `data-live="1"`, "noscript")
	}
}
