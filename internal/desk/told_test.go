package desk_test

import (
	"net/http"
	"net/url"
	"testing"
)

// That something was done is told once, to whoever has done it; no link can claim it.
func TestWhatWasDoneIsToldOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.acceptMany(partner, 1, 3)
	const said = "3 shipments were closed."
	wang, li := s.as("wang", "en"), s.as("li", "en")
	for _, link := range []string{"/batches?name=b1&done=batch_cancelled&n=3", "/accounts?done=account_held"} {
		li.look(link).saysNot(said, "The account is on hold;")
	}
	done := wang.post("/cancel", url.Values{"name": {"b1"}, "shown": {"3"}})
	if c := cookie(t, done, "fahuo-done"); !c.HttpOnly || c.Path != "/batches" || c.MaxAge < 1 || c.MaxAge > 60 || c.SameSite != http.SameSiteLaxMode {
		t.Errorf("%+v", c)
	}
	li.look(done.location).saysNot(said)
	wang.look("/accounts").saysNot(said)
	wang.follow(done).says(said, "Left as it is: nothing")
	wang.look(done.location).saysNot(said)
}

// What the cookie holds is looked up, and is none of the page's text.
func TestAStrangeWordOfWhatWasDone(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	li := s.as("li", "en")
	for _, value := range []string{"fahuo-done=<b>lies</b>.1", "fahuo-done=", "fahuo-done=.", "fahuo-done=account_held"} {
		li.do(http.MethodGet, "/login", nil, http.Header{"Cookie": {value}}).saysNot("<b>lies", "⟨")
	}
}
