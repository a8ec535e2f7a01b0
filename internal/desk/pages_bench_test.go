package desk_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"fahuo/internal/desk"
	"fahuo/internal/ledger/ledgertest"
)

const (
	pageLooks = 40                     // at each page
	pageLimit = 200 * time.Millisecond // at the 95th percentile
)

// BenchmarkPages asks a desk for every list under every filter, by HTTP, over a million shipments and a hundred
// thousand dead letters. Nothing has been counted before any look: each is the first one after somebody's act. A page
// over the limit fails.
func BenchmarkPages(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			shape := ledgertest.Large(b)
			d, client, base := benchDesk(b, shape, engine)
			for _, page := range listPages(shape) {
				b.Run(page.name, func(b *testing.B) {
					var took []time.Duration
					for b.Loop() {
						for range pageLooks {
							d.Forget()
							start := time.Now()
							fetch(b, client, base+page.path)
							took = append(took, time.Since(start))
							d.Settled() // what is being counted still is not the next look's business
						}
					}
					slices.Sort(took)
					at := func(percent int) time.Duration { return took[(len(took)-1)*percent/100] }
					for name, d := range map[string]time.Duration{"p50-ms": at(50), "p95-ms": at(95), "max-ms": at(100)} {
						b.ReportMetric(float64(d.Microseconds())/1000, name)
					}
					b.ReportMetric(0, "ns/op") // of many looks, and of what follows them
					if at(95) > pageLimit {
						b.Errorf("%s: more than %v: p50 %v, p95 %v, max %v", page.path, pageLimit, at(50), at(95), at(100)) // a failed one shows no figures
					}
				})
			}
		})
	}
}

// benchDesk is a desk over a large ledger, and somebody who has logged in.
func benchDesk(b *testing.B, shape ledgertest.Shape, engine string) (*desk.Desk, *http.Client, string) {
	b.Helper()
	d, err := desk.New(desk.Options{Book: shape.Open(b, engine), Users: desk.TheseUsers(user(b, "wang", desk.Operator)), Log: zerolog.Nop()})
	must(b, err)
	server := httptest.NewUnstartedServer(nil)
	server.Config = desk.Server(d)
	server.Start()
	b.Cleanup(func() { server.Close(); d.Stop() })
	jar, err := cookiejar.New(nil)
	must(b, err)
	client := server.Client()
	client.Jar = jar
	form := strings.NewReader(url.Values{"name": {"wang"}, "password": {password}}.Encode())
	login, err := http.NewRequestWithContext(b.Context(), http.MethodPost, server.URL+"/login", form)
	must(b, err)
	login.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := client.Do(login)
	must(b, err)
	must(b, answer.Body.Close())
	if answer.Request.URL.Path != "/" {
		b.Fatalf("logging in ended at %s", answer.Request.URL)
	}
	return d, client, server.URL
}

// fetch reads a page to its end.
func fetch(b *testing.B, client *http.Client, address string) {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, address, http.NoBody)
	must(b, err)
	answer, err := client.Do(r)
	must(b, err)
	_, err = io.Copy(io.Discard, answer.Body)
	must(b, err)
	must(b, answer.Body.Close())
	if answer.StatusCode != http.StatusOK {
		b.Fatalf("%s: %s", address, answer.Status)
	}
}

type listPage struct{ name, path string }

// listPages are all lists, under each filter alone and under several at once.
func listPages(s ledgertest.Shape) []listPage {
	partner, trade := ledgertest.Partner(7), ledgertest.TradeNo(s.Shipments/2/10*10)
	day := func(ago int) string { return s.Now.AddDate(0, 0, -ago).Format(time.DateOnly) }
	middle := fmt.Sprintf("%d-%d", s.Now.Add(-time.Duration(s.Shipments/2)*time.Minute).UnixMicro(), s.Shipments/2)
	return []listPage{
		{"overview", "/"},
		{"dead", "/dead"},
		{"dead, second half", "/dead?after=" + middle + "&pos=5000"},
		{"dead, account", "/dead?account=" + partner},
		{"dead, reason", "/dead?reason=trade_not_exist"},
		{"dead, code", "/dead?code=STRANGE_CODE"},
		{"dead, code that none has", "/dead?code=NONE_HAS_THIS"},
		{"dead, status", "/dead?status=TRADE_CLOSED"},
		{"dead, batch", "/dead?batch=batch-00001"},
		{"dead, assignee", "/dead?assignee=wang"},
		{"dead, nobody's", "/dead?assignee=-"},
		{"dead, days", "/dead?from=" + day(9) + "&to=" + day(2)},
		{"dead, trade number", "/dead?q=" + trade},
		{"dead, digits of a number", "/dead?q=" + trade[len(trade)-6:]},
		{"dead, digits in no number", "/dead?q=987987987"},
		{"dead, letters of a number", "/dead?q=rd-0000" + trade[len(trade)-5:]},
		{"dead, letters in no number", "/dead?q=nowhere"},
		{"dead, all at once", "/dead?account=" + partner + "&reason=not_shippable&status=TRADE_CLOSED&assignee=-&q=99"},
		{"case", "/dead/" + ledgertest.Partner(s.Shipments/2/10*10%s.Accounts) + "/" + trade},
		{"shipments", "/shipments"},
		{"shipments, second half", "/shipments?after=" + middle + "&pos=5000"},
		{"shipments, account", "/shipments?account=" + partner},
		{"shipments, shipped", "/shipments?state=shipped"},
		{"shipments, queued", "/shipments?state=queued"},
		{"shipments, closed", "/shipments?state=closed"},
		{"shipments, account and closed", "/shipments?account=" + partner + "&state=closed"},
		{"shipments, batch", "/shipments?batch=batch-00001"},
		{"shipments, days", "/shipments?from=" + day(9) + "&to=" + day(2)},
		{"shipments, trade number", "/shipments?q=" + trade},
		{"shipments, beginning", "/shipments?q=SF00000"},
		{"shipments, inside", "/shipments?q=987987987&inside=yes"},
		{"shipments, letters inside", "/shipments?q=nowhere&inside=yes"},
		{"batches", "/batches"},
		{"batches, name", "/batches?q=batch-0000"},
		{"batch", "/batches?name=batch-00001"},
		{"accounts", "/accounts"},
		{"audit", "/audit"},
		{"audit, actor", "/audit?actor=wang"},
		{"audit, act", "/audit?act=login"},
	}
}
