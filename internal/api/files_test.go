package api_test

import (
	"bytes"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"fahuo/internal/api"
	"fahuo/internal/ledger"
)

const csvFile = "交易号,物流公司,运单号,商户号\n" // with a column for the account

func (s *site) upload(t *testing.T, secret, query, media, content string) (out api.File, a answer) {
	t.Helper()
	a = s.send(t, s.request(t, secret, http.MethodPost, "/v1/files"+query, media, []byte(content)))
	if a.status == http.StatusOK {
		if err := json.Unmarshal(a.body, &out); err != nil {
			t.Fatal(err)
		}
	}
	return out, a
}

// A file is taken in as enqueue file does, and rows for accounts of others are refused.
func TestAFile(t *testing.T) {
	s := newSite(t)
	s.announce(t, shopPartner, mallPartner)
	content := csvFile + trade(1) + ",顺丰,SF1," + shopPartner + "\n" + trade(2) + ",顺丰,SF2," + mallPartner + "\n" + trade(3) + ",,SF3,\n" + trade(4) + ",顺丰,SF4,\n"
	got, a := s.upload(t, s.shop, "?batch=f&dry_run=true", "text/csv", content)
	if got.Accepted != 2 || got.Rejected != 2 || !got.DryRun || got.ETA == nil {
		t.Fatalf("got %s", a.body)
	}
	if got, a = s.upload(t, s.shop, "?batch=f&strict=true", "text/csv", content); got.Accepted != 0 || got.Rejected != 2 {
		t.Errorf("got %s", a.body)
	}
	got, a = s.upload(t, s.shop, "?batch=f", "text/csv", content)
	if got.Accepted != 2 || got.Rejected != 2 || got.ETA == nil || got.Batch != "f" {
		t.Fatalf("got %s", a.body)
	}
	for i, want := range []api.Rejection{{Line: 3, TradeNo: trade(2), Field: "partner"}, {Line: 4, TradeNo: trade(3), Field: "logistics_name"}} {
		r := got.Rejections[i]
		if r.Reason == "" || strings.Contains(r.Reason, "known are") {
			t.Errorf("reason %q", r.Reason)
		}
		if r.Reason = ""; r != want {
			t.Errorf("rejection %d is %+v", i, r)
		}
	}
	if !strings.Contains(got.RejectedFile, "运单号") || strings.Count(got.RejectedFile, "\n") != 3 {
		t.Errorf("the file of refused rows is %q", got.RejectedFile)
	}
	if got, a = s.upload(t, s.shop, "", "", content); got.Already != 2 {
		t.Errorf("again: %s", a.body)
	}
}

// A token of several accounts has to name one, also while only one of them is served: it may be another's file.
func TestAFileOfWhichAccount(t *testing.T) {
	s := newSite(t)
	s.announce(t, mallPartner)
	if _, a := s.upload(t, s.mall, "", "text/csv", "trade_no,logistics_name\n"+trade(1)+",SF\n"); a.status != http.StatusUnprocessableEntity {
		t.Errorf("status %d: %s", a.status, a.body)
	}
	got, a := s.upload(t, s.mall, "", "text/csv", "trade_no,logistics_name,partner\n"+trade(1)+",SF,\n"+trade(2)+",SF,"+mallPartner+"\n")
	if got.Accepted != 1 || len(got.Rejections) != 1 || got.Rejections[0].Field != "partner" {
		t.Errorf("got %s", a.body)
	}
}

// Two tokens may call their batches the same: the one's file is answered for its own accounts alone, and changes nothing
// that is said of the other's.
func TestFilesOfTwoTokensInABatchOfOneName(t *testing.T) {
	s := newSite(t)
	s.announce(t, shopPartner, mallPartner)
	var theirs strings.Builder
	theirs.WriteString(csvFile)
	for n := range 1000 {
		theirs.WriteString(trade(n+1) + ",顺丰,SF1," + shopPartner + "\n")
	}
	theirs.WriteString(strings.Repeat("x,顺丰,SF1,\n", 5))
	long, a := s.upload(t, s.shop, "?batch=x", "text/csv", theirs.String())
	if long.Accepted != 1000 || long.Rejected != 5 {
		t.Fatalf("got %s", a.body)
	}
	rejected := func(want int64) {
		t.Helper()
		if b, err := s.book.Batch(t.Context(), "x"); err != nil || b.Rejected != want {
			t.Errorf("%d are refused, want %d (%v)", b.Rejected, want, err)
		}
	}
	got, a := s.upload(t, s.mall, "?batch=x", "text/csv", csvFile+trade(1)+",顺丰,SF1,"+mallPartner+"\n")
	if got.Accepted != 1 || got.ETA == nil || long.ETA.Sub(got.ETA.Time.Time) < time.Hour {
		t.Errorf("one row will be done with the thousand of another, %v: %s", long.ETA, a.body)
	}
	rejected(5)
	if _, err := s.book.SetHold(t.Context(), shopPartner, ledger.HoldManual, "counting", "wang"); err != nil {
		t.Fatal(err)
	}
	if got, a = s.upload(t, s.mall, "?batch=x", "text/csv", csvFile+trade(2)+",顺丰,SF1,"+mallPartner+"\nx,顺丰,SF1,\n"); got.Accepted != 1 || got.Rejected != 1 || got.ETA == nil {
		t.Errorf("it depends on another's hold: %s", a.body)
	}
	rejected(5)
}

// A form's file is the same, and gives the batch its name.
func TestAForm(t *testing.T) {
	s := newSite(t)
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	if err := form.WriteField("note", "whatever"); err != nil {
		t.Fatal(err)
	}
	part, err := form.CreateFormFile("file", "周一 上午.csv")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write([]byte("trade_no,logistics_name\n" + trade(1) + ",SF\n")); err != nil {
		t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	got, a := s.upload(t, s.shop, "", form.FormDataContentType(), body.String())
	if got.Accepted != 1 || !strings.HasPrefix(got.Batch, "周一_上午.csv-") {
		t.Errorf("got %s", a.body)
	}
	for _, broken := range []string{"", "--x", body.String()[:body.Len()-90]} {
		if _, a := s.upload(t, s.shop, "", form.FormDataContentType(), broken); a.status != http.StatusBadRequest {
			t.Errorf("status %d: %s", a.status, a.body)
		}
	}
	if _, a := s.upload(t, s.shop, "", "multipart/form-data", body.String()); a.status != http.StatusBadRequest {
		t.Errorf("without a boundary: status %d", a.status)
	}
}

func TestFilesThatAreRefused(t *testing.T) {
	s := newSite(t)
	for name, c := range map[string]struct {
		query, media, content string
		status                int
	}{
		"empty":       {"", "text/csv", "", http.StatusUnprocessableEntity},
		"no header":   {"", "text/csv", "a,b\n1,2\n", http.StatusUnprocessableEntity},
		"no rows":     {"", "text/csv", "trade_no,logistics_name\n", http.StatusUnprocessableEntity},
		"a web page":  {"", "text/csv", "<html>", http.StatusUnprocessableEntity},
		"a media":     {"", "image/png", "x", http.StatusUnsupportedMediaType},
		"too large":   {"", "text/csv", strings.Repeat("x", 33<<20), http.StatusRequestEntityTooLarge},
		"a format":    {"?format=pdf", "text/csv", "x", http.StatusUnprocessableEntity},
		"no account":  {"", "text/csv", "trade_no,logistics_name\n" + trade(1) + ",SF\n", http.StatusUnprocessableEntity},
		"its batch":   {"?batch=%07", "text/csv", "x", http.StatusUnprocessableEntity},
		"one of many": {"?partner=" + shopPartner, "text/csv", "x", http.StatusForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			if _, a := s.upload(t, s.mall, c.query, c.media, c.content); a.status != c.status {
				t.Errorf("status %d: %s", a.status, a.body)
			} else {
				a.problem(t)
			}
		})
	}
}
