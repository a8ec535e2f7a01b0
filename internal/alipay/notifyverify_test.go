package alipay

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// verifier is a client of a gateway that answers as f does.
func verifier(t *testing.T, f http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return newClient(t, Options{Gateway: server.URL + "/gateway.do"})
}

// Only exactly true is genuine, only false and invalid are not, and everything else is not known.
func TestVerifyNotificationAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		status  int
		body    string
		genuine bool
		says    string // of the error; empty: none
	}{
		"true":           {200, "true", true, ""},
		"false":          {200, "false", false, ""},
		"invalid":        {200, "invalid", false, ""},
		"capitals":       {200, "TRUE", false, "none of"},
		"a line end":     {200, "true\n", false, "none of"},
		"a blank":        {200, " true", false, "none of"},
		"more":           {200, "true, and more than that", false, "none of"},
		"nothing":        {200, "", false, "none of"},
		"quotes":         {200, `"true"`, false, "none of"},
		"a byte order":   {200, "\ufefftrue", false, "none of"},
		"false, a line":  {200, "false\n", false, "none of"},
		"a page":         {200, "<html>true</html>", false, "none of"},
		"out of order":   {500, "true", false, "status 500"},
		"no content":     {204, "", false, "status 204"},
		"another 2xx":    {201, "true", false, "status 201"},
		"false with 404": {404, "false", false, "status 404"},
	} {
		t.Run(name, func(t *testing.T) {
			client := verifier(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			})
			genuine, err := client.VerifyNotification(t.Context(), testCredentials(), "id-that-nobody-shows")
			if genuine != c.genuine || (err == nil) != (c.says == "") {
				t.Fatalf("%v %v", genuine, err)
			}
			if err != nil && (!strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "id-that")) {
				t.Error(err)
			}
		})
	}
}

// The question is a GET with exactly three parameters, and the id arrives as it is: a literal %2F is no slash.
func TestVerifyNotificationAsks(t *testing.T) {
	for _, id := range []string{"68f8fc4ad42a4ade7f9b0fa84be1bdae7g", "a%2Fb", "a/b+c d&e=f", "RqPnCoPT3K9%2Fvwbh3InR9l%2Bx"} {
		asked := make(chan *http.Request, 1)
		client := verifier(t, func(w http.ResponseWriter, r *http.Request) {
			asked <- r
			_, _ = io.WriteString(w, "true")
		})
		if genuine, err := client.VerifyNotification(t.Context(), testCredentials(), id); !genuine || err != nil {
			t.Fatal(genuine, err)
		}
		r := <-asked
		got, err := url.ParseQuery(r.URL.RawQuery)
		want := url.Values{"service": {"notify_verify"}, "partner": {"2088000000000001"}, "notify_id": {id}}
		if err != nil || r.Method != http.MethodGet || r.URL.Path != "/gateway.do" || got.Encode() != want.Encode() || r.ContentLength > 0 || !r.Close {
			t.Errorf("%s %s (%v), connection kept: %v", r.Method, r.URL, err, !r.Close)
		}
		if strings.Contains(r.URL.String(), testKey) || strings.Contains(r.URL.RawQuery, "sign") {
			t.Error(r.URL)
		}
	}
}

func TestVerifyNotificationFollowsNoRedirect(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		t.Error("asked elsewhere")
		_, _ = io.WriteString(w, "true")
	}))
	t.Cleanup(elsewhere.Close)
	client := verifier(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) })
	if genuine, err := client.VerifyNotification(t.Context(), testCredentials(), "x"); genuine || err == nil {
		t.Fatal(genuine, err)
	}
}

// A gateway that is silent, breaks off or is not there tells nothing, and no error shows what was asked.
func TestVerifyNotificationWithoutAnAnswer(t *testing.T) {
	const id = "id-that-nobody-shows"
	silent := verifier(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	genuine, err := silent.VerifyNotification(ctx, testCredentials(), id)
	if genuine || !errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), id) {
		t.Errorf("silent: %v %v", genuine, err)
	}
	half := verifier(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "5") // true, and a byte that never comes
		_, _ = io.WriteString(w, "true")
	})
	if genuine, err := half.VerifyNotification(t.Context(), testCredentials(), id); genuine || err == nil || strings.Contains(err.Error(), id) {
		t.Errorf("half: %v %v", genuine, err)
	}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := newClient(t, Options{Gateway: "http://" + l.Addr().String() + "/gateway.do"})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if genuine, err := gone.VerifyNotification(t.Context(), testCredentials(), id); genuine || err == nil || strings.Contains(err.Error(), id) {
		t.Errorf("gone: %v %v", genuine, err)
	}
}

// A certificate that nobody vouches for is not talked to: it could say true to anything.
func TestVerifyNotificationVerifiesTheCertificate(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "true") }))
	server.Config.ErrorLog = nil
	t.Cleanup(server.Close)
	if genuine, err := newClient(t, Options{Gateway: server.URL + "/gateway.do"}).VerifyNotification(t.Context(), testCredentials(), "x"); genuine || err == nil || !strings.Contains(err.Error(), "the certificate of 127.0.0.1") {
		t.Fatal(genuine, err)
	}
}
