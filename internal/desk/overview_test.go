package desk_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

var tag = regexp.MustCompile(`<[^>]*>`)

// row is the text of the table row that begins with a name, its cells apart and blanks folded.
func (p *page) row(name string) string {
	p.t.Helper()
	for _, part := range strings.Split(p.body, "<tr>") {
		if text := strings.Join(strings.Fields(tag.ReplaceAllString(part, " ")), " "); strings.HasPrefix(text, name) {
			return text
		}
	}
	p.t.Fatalf("no row %q in %s", name, p.text())
	return ""
}

func TestOverviewNumbers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	end := s.serve("host/1/a", partner)
	s.acceptMany(partner, 1, 4)
	s.acceptMany(partner, 10, 2, func(p *shipment.Shipment) { p.Urgent = true })
	s.settle(s.acceptMany(partner, 20, 3), shipment.Shipped)
	s.settle(s.acceptMany(partner, 30, 2), shipment.Dead)
	yesterday := s.acceptMany(partner, 40, 1)
	s.settle(yesterday, shipment.Shipped)
	s.change(`UPDATE shipments SET settled_at = settled_at - 172800000000 WHERE id = ?`, yesterday[0].ID)
	retried := s.acceptMany(partner, 50, 1)
	s.change(`UPDATE shipments SET begun = 1 WHERE id = ?`, retried[0].ID)
	s.acceptMany(outlet, 1, 5)
	b := s.as("look", "en")
	page := b.look("/")
	if got := page.row("旗舰店 …0001 7 2 urgent, 1 retrying 0 3 2"); !regexp.MustCompile(`in 1 min ([0-9]|1[0-3]) s`).MatchString(got) {
		t.Errorf("empty by: %s", got)
	}
	if got := page.row("Outlet …0002 5 0 0 0"); !strings.Contains(got, "no worker serves it") {
		t.Errorf("%s", got)
	}
	page.holds(`/dead?account=`+partner, "There is work that no running worker serves", "5 shipments wait", "host/1/a", "There was no call in the last hour")
	page.saysNot("No worker is running.")

	end()
	must1(s.book.SetHold(t.Context(), outlet, "ILLEGAL_SIGN", "seen by a person", "worker"))
	if _, err := s.book.MayNotQuery(t.Context(), partner, true); err != nil {
		t.Fatal(err)
	}
	page = b.look("/")
	page.holds("No worker is running.", "12 shipments wait", "The signature is wrong", "seen by a person", "May not query Alipay")
	if got := page.row("Outlet …0002 5"); !strings.Contains(got, "on hold since") {
		t.Errorf("%s", got)
	}
	b.lang = "zh"
	b.look("/").holds("没有正在运行的发货程序", "签名不正确", "已冻结")
}

// A worker that fell silent is told of for an hour.
func TestASilentWorkerIsToldOfForAnHour(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for name, ago := range map[string]time.Duration{"host/lately": 50 * time.Minute, "host/long-ago": 70 * time.Minute} {
		must(t, s.book.Heartbeat(t.Context(), name, []string{partner}, false))
		s.change(`UPDATE workers SET seen_at = ? WHERE name = ?`, time.Now().Add(-ago).UnixMicro(), name)
	}
	p := s.as("look", "en").look("/")
	p.says("host/lately")
	p.saysNot("host/long-ago")
}

// path is the drawing of a class in the only strip of a page.
func path(p *page, class string) string {
	found := regexp.MustCompile(`<path class="mark-`+class+`" d="([^"]*)"/></svg>|<path class="mark-`+class+`" d="([^"]*)"/>`).FindAllStringSubmatch(p.body, -1)
	for _, f := range found {
		if f[2] != "" {
			return f[2]
		}
	}
	return ""
}

func TestStripDrawsEveryCall(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	want := map[string]int{"success": 9, "busy": 4, "refused": 3, "account": 2, "unknown": 3, "not_sent": 1}
	n := 0
	for verdict, times := range map[string]int{
		"succeeded": 9, "busy": 4, "out_of_step": 1, "shipment_fault": 1, "unlisted_code": 1, "account_fault": 2, "unknown": 1, "": 1, "a new word": 1, ledger.VerdictNotSent: 1,
	} {
		for range times {
			n++
			s.called(partner, verdict, time.Duration(n)*2*time.Minute)
		}
	}
	s.called(partner, "succeeded", 2*time.Hour) // not in the last one
	s.called(outlet, "succeeded", 3*time.Hour)
	page := s.as("look", "en").look("/")
	shapes := make(map[string]bool)
	for class, times := range want {
		drawn := path(page, class)
		if got := strings.Count(drawn, "M"); got != times {
			t.Errorf("%s: %d marks, want %d: %s", class, got, times, drawn)
		}
		if _, shape, ok := strings.Cut(strings.SplitN(drawn, "M", 3)[1], " "); ok {
			shapes[shape] = true
		}
	}
	if len(shapes) != len(want) {
		t.Errorf("%d shapes for %d classes", len(shapes), len(want))
	}
	if strings.Count(page.body, `<figure class="strip">`) != 1 {
		t.Error("an account without calls has a strip")
	}
	page.holds("22 calls", "Alipay was busy: 4", "no answer that counts: 3")
}

func TestStripsAreAtMostTwenty(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for i := range 23 {
		partner := "20880000000001" + strconv.Itoa(10+i)
		must(t, s.book.Announce(t.Context(), []ledger.Account{{Partner: partner, Interval: time.Second}}))
		s.called(partner, "succeeded", time.Minute)
	}
	page := s.as("look", "en").look("/")
	if got := strings.Count(page.body, `<figure class="strip">`); got != 20 {
		t.Errorf("%d strips", got)
	}
	page.holds("3 more accounts made calls")
}

func TestDayChart(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.settle(s.acceptMany(partner, 1, 3), shipment.Shipped)
	s.settle(s.acceptMany(partner, 10, 2), shipment.Dead)
	before := s.acceptMany(partner, 20, 1)
	s.settle(before, shipment.Dead)
	s.change(`UPDATE shipments SET settled_at = settled_at - 10800000000 WHERE id = ?`, before[0].ID)
	page := s.as("look", "en").look("/")
	if got := strings.Count(page.body, `<rect class="bar-shipped" x="`) - 1; got != 24 {
		t.Errorf("%d hours", got)
	}
	page.holds("shipped 3</title>", "dead letter 2</title>", "dead letter 1</title>", `fill="url(#hatch)"`)
	if rows := strings.Count(page.body, `class="count">0</td><td class="count">1</td>`); rows != 1 {
		t.Errorf("%d rows of the table tell of the hour before", rows)
	}
}
