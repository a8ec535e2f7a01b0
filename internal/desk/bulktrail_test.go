package desk_test

import (
	"net/url"
	"strings"
	"testing"

	"fahuo/internal/ledger"
)

// The page of an act over many leads to what was done to each of its shipments, and only to that.
func TestAnActOverManyLeadsToItsShipments(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	letters := s.letters(3, ledger.FoundWaiting)
	must1(s.book.CloseCase(t.Context(), s.row(letters[2]), "alone", "li"))
	wang := s.as("wang", "en")
	preview, id := wang.ordered(url.Values{"act": {"close"}, "all": {"yes"}, "why": {"together"}})
	preview.saysNot("/audit?bulk=")
	wang.follow(wang.submit(preview, id+"/run"))
	number := strings.TrimPrefix(id, "/bulk/")
	trail := "/audit?bulk=" + number
	wang.over(id).holds(`href="` + trail + `"`)
	p := wang.look(trail)
	p.says(letters[0].TradeNo, letters[1].TradeNo, "together", "Shipments of bulk act "+number, "Shipments 2")
	p.holds(`<input type="hidden" name="bulk" value="`+number+`">`, `href="/audit.csv?bulk=`+number+`"`)
	p.saysNot(letters[2].TradeNo, "alone")
	if table := readCSV(t, wang.get("/audit.csv?bulk="+number)); len(table) != 5 || !strings.HasPrefix(table[2][5], letters[0].TradeNo) {
		t.Errorf("%q", table)
	}
	wang.look("/audit?bulk=" + number + "&q=" + letters[1].TradeNo).saysNot(letters[0].TradeNo)
	wang.look("/audit").says("alone", "Bulk act "+number)
}
