package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// What becomes of a shipment is told to the webhook of the token that it was handed over with, signed.
func TestServeTellsATokensWebhook(t *testing.T) {
	t.Parallel()
	const secret = "whsec_dGhlLXNlY3JldC1vZi1hLXRlc3QtMDEyMzQ1Njc4OQ==" // of tests
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan string, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		message, err := io.ReadAll(r.Body)
		if err == nil {
			err = verifier.Verify(message, r.Header)
		}
		if err != nil {
			t.Errorf("%v: %s", err, message)
		}
		told <- string(message)
	}))
	t.Cleanup(receiver.Close)

	s := newSite(t, "redis://127.0.0.1:1")
	token := s.token(t, "shop")
	text, err := os.ReadFile(filepath.Join(s.dir, "tokens.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, "hook", secret)
	s.write(t, "tokens.yaml", string(text)+"  webhooks:\n  - url: "+receiver.URL+"\n    secret_files: [hook]\n    allow_private: true\n")
	v := s.serve(t, token)
	v.must(t, http.StatusAccepted, http.MethodPost, "/v1/shipments", body(1))
	v.must(t, http.StatusOK, http.MethodPost, "/v1/shipments/"+partner+"/"+trade(1)+"/cancel", "")
	if message := <-told; !strings.Contains(message, `"shipment.closed"`) || !strings.Contains(message, trade(1)) || !strings.Contains(message, `"source":"shop"`) {
		t.Errorf("told %s", message)
	}
}
