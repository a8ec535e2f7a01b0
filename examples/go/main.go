// Command go hands a batch over (go run . send), or verifies a webhook (go run . verify < body), with nothing but the
// standard library. See ../README.md.
package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// shipment is what is handed over; the document at /docs lists all fields.
type shipment struct {
	TradeNo       string `json:"trade_no"`
	LogisticsName string `json:"logistics_name"`
	InvoiceNo     string `json:"invoice_no"`
	OrderRef      string `json:"order_ref"`
}

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	switch strings.Join(args, " ") {
	case "send":
		return send(ctx)
	case "verify":
		body, err := io.ReadAll(os.Stdin)
		if err != nil {
			return err
		}
		// In a receiver: r.Header.Get("webhook-id") and so on, and the body as it came.
		err = verify(os.Getenv("FAHUO_WEBHOOK_SECRET"), os.Getenv("WEBHOOK_ID"), os.Getenv("WEBHOOK_TIMESTAMP"), os.Getenv("WEBHOOK_SIGNATURE"), body)
		if err == nil {
			_, err = fmt.Println("genuine")
		}
		return err
	}
	return errors.New("usage: go run . send|verify")
}

func send(ctx context.Context) error {
	var answer struct {
		Items []struct {
			OrderRef string `json:"order_ref"`
			Status   string `json:"status"`
			Reason   string `json:"reason"`
		} `json:"items"`
	}
	err := call(ctx, http.MethodPost, "/v1/shipments?batch=go-example", []shipment{
		{"2026112300001001000000000001", "顺丰速运", "SF1000000001", "A-1"},
		{"2026112300001001000000000002", "顺丰速运", "SF1000000002", "A-2"},
		{"12", "顺丰速运", "SF1000000003", "A-3"},
	}, &answer)
	if err != nil {
		return err
	}
	for _, item := range answer.Items {
		fmt.Println(item.OrderRef, item.Status, item.Reason)
	}
	var batch struct {
		Counts map[string]int `json:"counts"`
		ETA    *time.Time     `json:"eta"`
		Done   bool           `json:"done"`
	}
	// Waits up to a second for something to happen; use wait=60s and ask again until Done.
	if err := call(ctx, http.MethodGet, "/v1/batches/go-example?wait=1s", nil, &batch); err != nil {
		return err
	}
	fmt.Println(batch.Counts, "until", batch.ETA)
	return nil
}

// call makes a request, and again while the server is away or asks to come later: the same twice does no harm.
func call(ctx context.Context, method, path string, body, out any) error {
	content, err := json.Marshal(body)
	if err != nil {
		return err
	}
	if body == nil {
		content = nil
	}
	for wait := time.Second; ; wait = min(2*wait, time.Minute) {
		after, err := try(ctx, method, path, content, out)
		if err == nil || after < 0 {
			return err
		}
		if after > 0 {
			wait = after
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		}
	}
}

// try makes a request once. With an error, after says when to try again: 0 as one likes, below 0 never.
func try(ctx context.Context, method, path string, body []byte, out any) (after time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, os.Getenv("FAHUO_URL")+path, bytes.NewReader(body)) //nolint:gosec // the server that the user names
	if err != nil {
		return -1, err
	}
	r.Header.Set("Authorization", "Bearer "+os.Getenv("FAHUO_TOKEN"))
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r) //nolint:gosec // as above
	if err != nil {
		return 0, err
	}
	defer func() { _ = answer.Body.Close() }() // it has been read
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, err
	}
	switch {
	case answer.StatusCode < 300:
		return -1, json.Unmarshal(text, out)
	case answer.StatusCode == http.StatusTooManyRequests || answer.StatusCode == http.StatusServiceUnavailable:
		seconds, _ := strconv.Atoi(answer.Header.Get("Retry-After")) // 0 if it is not there
		return time.Duration(seconds) * time.Second, errors.New(answer.Status)
	}
	return -1, fmt.Errorf("%s: %s", answer.Status, text) // a problem (RFC 9457): repeating it would not help
}

// verify follows https://www.standardwebhooks.com: HMAC-SHA256 over id, time and body, one "v1,…" for every secret.
func verify(secret, id, timestamp, signatures string, body []byte) error {
	sent, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || time.Since(time.Unix(sent, 0)).Abs() > 5*time.Minute {
		return errors.New("too old: somebody may be repeating it")
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return fmt.Errorf("the secret: %w", err)
	}
	mac := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(mac, "%s.%s.%s", id, timestamp, body) // a hash takes everything
	expected := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	for one := range strings.SplitSeq(signatures, " ") {
		if hmac.Equal([]byte(expected), []byte(one)) {
			return nil
		}
	}
	return errors.New("not genuine")
}
