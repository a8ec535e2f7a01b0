package desk_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"fahuo/internal/desk"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// A hold that has been lifted and set again, for another reason, is not lifted by whoever saw the first one.
func TestReleaseOfAHoldThatWasNotShown(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.as("wang", "en")
	address := "/accounts/" + partner + "/release"
	must1(s.book.SetHold(t.Context(), partner, ledger.HoldManual, "stocktaking", "li"))
	found := regexp.MustCompile(`name="since" value="(\d+)"`).FindStringSubmatch(b.look(address).body)
	if found == nil {
		t.Fatal("the page does not say which hold it shows")
	}
	_, err := s.book.Release(t.Context(), partner, "", "li")
	must(t, err)
	must1(s.book.SetHold(t.Context(), partner, "ILLEGAL_SIGN", "the key is wrong", "worker"))
	if a := b.post(address, url.Values{"since": {found[1]}}); a.status != http.StatusConflict {
		t.Errorf("%d", a.status)
	}
	account, err := s.book.Account(t.Context(), partner)
	if err != nil || account.Hold == nil || account.Hold.Code != "ILLEGAL_SIGN" {
		t.Fatalf("%+v %v", account, err)
	}
	found = regexp.MustCompile(`name="since" value="(\d+)"`).FindStringSubmatch(b.look(address).body)
	if a := b.post(address, url.Values{"since": {found[1]}}); a.status != http.StatusSeeOther {
		t.Errorf("the one that is shown: %d", a.status)
	}
}

// Whoever guesses the address of a preview that is being made, or was never finished, sees nothing to confirm.
func TestAPreviewThatIsNotComplete(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.settle(s.acceptMany(partner, 1, 3), shipment.Dead)
	_, err := s.book.Preview(t.Context(), ledger.BulkOrder{Act: ledger.ActClose, Actor: "wang", Argument: "why"})
	must(t, err)
	s.change(`UPDATE bulks SET done_at = 0`)
	b := s.as("wang", "en")
	if a := b.get("/bulk/1"); a.status != http.StatusNotFound {
		t.Errorf("%d", a.status)
	}
	b.post("/bulk/1/run", url.Values{})
	s.desk.Settled()
	if bulk, err := s.book.Bulk(t.Context(), 1); err != nil || bulk.State != ledger.BulkPreview || bulk.Counts.Todo != 3 {
		t.Errorf("%+v %v", bulk, err)
	}
}

// A spreadsheet may part a line of CSV at semicolons and tabs, too: no cell begins with a formula there either.
func TestNoFormulaAfterAnotherSeparator(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	rows := s.acceptMany(partner, 1, 1)
	s.change(`UPDATE shipments SET order_ref = 'A;=HYPERLINK(1)', invoice_no = ?, batch = 'x; @SUM(1)'`, "B\t+1+1")
	must(t, s.book.Note(t.Context(), rows[0].Key(), "a;-1", "wang"))
	b := s.as("look", "en")
	for _, path := range []string{"/shipments.csv", "/audit.csv"} {
		if a := b.get(path); a.status != http.StatusOK || regexp.MustCompile(`[;\t]\s*[=+\-@]`).MatchString(a.body) {
			t.Errorf("%s: %d %q", path, a.status, a.body)
		}
	}
	if a := b.get("/shipments.csv"); !strings.Contains(a.body, `A;'=HYPERLINK(1)`) {
		t.Errorf("%q", a.body)
	}
}

func TestSignsInMarkupAreMasked(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`<param name="sign">0a1b2c</param>`: `<param name="sign">***</param>`,
		`<sign>0a1b2c</sign>`:               `<sign>***</sign>`,
		`<sign_type>MD5</sign_type>`:        `<sign_type>MD5</sign_type>`,
		`sign=0a1b&x=1`:                     `sign=***&x=1`,
	} {
		if got := desk.Masked(text); got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
}

// Of two people who hold an account at the very same moment one is told that he has, and the other that it was held
// already.
func TestTwoHoldAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	wang, li := s.as("wang", "en"), s.as("li", "en")
	for round := range 10 {
		counts := make(chan int, 4)
		for _, b := range []*browser{wang, li, wang, li} {
			go func() { counts <- b.post("/accounts/"+partner+"/hold", url.Values{"reason": {"why"}}).status }()
		}
		told := make(map[int]int)
		for range cap(counts) {
			told[<-counts]++
		}
		if told[http.StatusSeeOther] != 1 || told[http.StatusConflict] != 3 {
			t.Errorf("round %d: %v", round, told)
		}
		must1(s.book.Release(t.Context(), partner, "", "li"))
	}
}
