package api_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"fahuo/internal/api"
)

// Without a good token nothing is answered, and nothing is read.
func TestWithoutAGoodToken(t *testing.T) {
	s := newSite(t)
	for name, header := range map[string]string{
		"none": "", "empty": "Bearer ", "wrong": "Bearer fahuo_AAAAAAAAAAAAAAAAAAAAAAAAAA", "another scheme": "Basic " + s.shop,
		"not a scheme": s.shop, "two": "Bearer " + s.shop + " " + s.shop, "cut off": "Bearer " + s.shop[:20],
		"its hash": "Bearer " + strings.Repeat("0", 64), "odd characters": "Bearer \u00e4\u00f6",
	} {
		for _, path := range []string{shipments, "/v1/files"} {
			r := s.request(t, "", http.MethodPost, path, "application/json", []byte(one(1, "")))
			if header != "" {
				r.Header.Set("Authorization", header)
			}
			a := s.send(t, r)
			a.problem(t)
			if a.status != http.StatusUnauthorized || !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer ") {
				t.Errorf("%s: status %d, %q", name, a.status, a.header.Get("WWW-Authenticate"))
			}
		}
	}
	r := s.request(t, s.shop, http.MethodPost, shipments, "application/json", []byte(one(1, "")))
	r.Header.Set("Authorization", "bearer   "+s.shop)
	if a := s.send(t, r); a.status != http.StatusAccepted {
		t.Errorf("the scheme's name is in lower or upper case, status %d", a.status)
	}
	if counts, err := s.book.CountsByPartner(t.Context()); err != nil || len(counts) != 1 {
		t.Errorf("the ledger has %v, %v", counts, err)
	}
}

// A token sees its own accounts, and of a batch its own rows.
func TestATokenSeesItsOwn(t *testing.T) {
	s := newSite(t)
	s.must(t, http.StatusAccepted, s.shop, http.MethodPost, shipments+"?batch=both", one(1, ""), nil)
	s.must(t, http.StatusOK, s.mall, http.MethodPost, shipments+"?batch=both", many(2, 4, `,"partner":"`+mallPartner+`"`), nil)
	s.must(t, http.StatusAccepted, s.mall, http.MethodPost, shipments+"?batch=mine", one(5, `,"partner":"`+mallPartner2+`"`), nil)

	path := shipments + "/" + mallPartner + "/" + trade(2)
	for _, p := range []answer{s.must(t, http.StatusForbidden, s.shop, http.MethodGet, path, "", nil), s.must(t, http.StatusForbidden, s.shop, http.MethodPost, path+"/cancel", "", nil)} {
		p.problem(t)
	}
	s.must(t, http.StatusOK, s.mall, http.MethodGet, path, "", nil)
	var b api.Batch
	s.must(t, http.StatusOK, s.shop, http.MethodGet, "/v1/batches/both", "", &b)
	if b.Total != 1 || b.Counts.Queued != 1 {
		t.Errorf("the shop sees %+v", b)
	}
	s.must(t, http.StatusOK, s.mall, http.MethodGet, "/v1/batches/both", "", &b)
	if b.Total != 3 {
		t.Errorf("the mall sees %+v", b)
	}
	s.must(t, http.StatusNotFound, s.shop, http.MethodGet, "/v1/batches/mine", "", nil).problem(t)
	if _, a := s.upload(t, s.shop, "?partner="+mallPartner, "text/csv", "trade_no\n"); a.status != http.StatusForbidden {
		t.Errorf("a file for another account: status %d", a.status)
	}
}

// Who asks too often is told when to come again; others are not concerned.
func TestTooOften(t *testing.T) {
	s := newSiteOn(t, engines["sqlite"](t), api.Options{Rate: 0.01})
	path := "/v1/batches/none"
	s.must(t, http.StatusNotFound, s.shop, http.MethodGet, path, "", nil)
	a := s.must(t, http.StatusTooManyRequests, s.shop, http.MethodGet, path, "", nil)
	a.problem(t)
	if wait, err := strconv.Atoi(a.header.Get("Retry-After")); err != nil || wait < 50 || wait > 100 {
		t.Errorf("Retry-After %q", a.header.Get("Retry-After"))
	}
	s.must(t, http.StatusNotFound, s.mall, http.MethodGet, path, "", nil)
}

// No secret gets into the log or an answer.
func TestTokensStayOutOfTheLog(t *testing.T) {
	s := newSite(t)
	r := s.request(t, s.shop, http.MethodPost, shipments, "application/json", []byte(one(1, `,"nope":"`+s.shop+`"`)))
	r.Header.Set("X-Request-Id", s.shop) // by a client that mixes things up
	s.send(t, r)
	s.call(t, s.shop, http.MethodGet, "/v1/batches/"+s.shop, "", nil)
	if a := s.must(t, http.StatusUnauthorized, s.shop+"x", http.MethodGet, "/v1/batches/b", "", nil); strings.Contains(string(a.body), s.shop) {
		t.Errorf("got %s", a.body)
	}
	log := s.log.String()
	if !strings.Contains(log, `"token":"shop"`) {
		t.Errorf("the log does not say whose request it was: %s", log)
	}
	if strings.Contains(log, s.shop) {
		t.Errorf("the log has a token: %s", log)
	}
}

func TestRequestsAreNamed(t *testing.T) {
	s := newSite(t)
	for given, kept := range map[string]bool{"order-17.4_x": true, "": false, "a b": false, "x\ty": false, strings.Repeat("x", 65): false} {
		r := s.request(t, s.shop, http.MethodGet, "/v1/batches/b", "", nil)
		r.Header.Set("X-Request-Id", given)
		got := s.send(t, r).header.Get("X-Request-Id")
		if got == "" || (got == given) != kept || !strings.Contains(s.log.String(), `"request":"`+got+`"`) {
			t.Errorf("%q became %q: %s", given, got, s.log)
		}
	}
}

// What is not there is answered as everything else is.
func TestPathsAndMethods(t *testing.T) {
	s := newSite(t)
	for _, c := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{http.MethodGet, "/", http.StatusNotFound, ""},
		{http.MethodGet, "/v1", http.StatusNotFound, ""},
		{http.MethodGet, "//v1/batches/b", http.StatusNotFound, ""},
		{http.MethodGet, "/v1/../v1/batches/b", http.StatusNotFound, ""},
		{http.MethodPut, shipments, http.StatusMethodNotAllowed, "POST"},
		{http.MethodGet, shipments, http.StatusMethodNotAllowed, "POST"},
		{strings.Repeat("X", 100), shipments, http.StatusMethodNotAllowed, "POST"},
		{http.MethodDelete, "/v1/batches/b", http.StatusMethodNotAllowed, "GET, HEAD"},
	} {
		a := s.call(t, s.shop, c.method, c.path, "", nil)
		a.problem(t)
		if a.status != c.status || a.header.Get("Allow") != c.allow {
			t.Errorf("%s %s: status %d, Allow %q", c.method, c.path, a.status, a.header.Get("Allow"))
		}
	}
}

func TestMediaTypes(t *testing.T) {
	s := newSite(t)
	for media, taken := range map[string]bool{
		"application/json; charset=utf-8": true, "Application/JSON": true, "": true, "text/json": false, ";;": false, "application/x-www-form-urlencoded": false,
	} {
		status := s.send(t, s.request(t, s.shop, http.MethodPost, shipments, media, []byte(one(len(media), "")))).status
		if taken && status != http.StatusAccepted || !taken && status != http.StatusUnsupportedMediaType {
			t.Errorf("%q: status %d", media, status)
		}
	}
	r := s.request(t, s.shop, http.MethodPost, shipments, "application/json", []byte(one(1, "")))
	r.Header.Set("Content-Encoding", "gzip")
	if a := s.send(t, r); a.status != http.StatusUnsupportedMediaType {
		t.Errorf("gzip: status %d", a.status)
	}
}
