package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"fahuo/internal/proctest"
	"fahuo/internal/shipment"
)

// server is an enqueue serve of a site.
type server struct {
	*proctest.Process
	url    string
	client *http.Client
	secret string
}

// token makes a token for a site's file.
func (s site) token(t *testing.T, name string) (secret string) {
	t.Helper()
	code, out := proctest.Run(t, s.dir, s.env, program, "token", "new", name, "--partner", partner, "--tokens", "tokens.yaml")
	if code != 0 {
		t.Fatalf("token new: exit %d: %s", code, out)
	}
	secret, _, _ = strings.Cut(out[strings.Index(out, "fahuo_"):], "\n")
	return secret
}

var address = regexp.MustCompile(`The API is at (https?://\S+),`)

// serve starts a server and waits until it serves.
func (s site) serve(t *testing.T, secret string, args ...string) *server {
	t.Helper()
	v := s.begin(t, secret, args...)
	v.WaitFor("serving")
	return v
}

// begin starts a server and waits until it listens.
func (s site) begin(t *testing.T, secret string, args ...string) *server {
	t.Helper()
	args = append([]string{"serve", "--listen", "127.0.0.1:0", "--tokens", "tokens.yaml"}, args...)
	v := &server{Process: proctest.Start(t, s.dir, s.env, program, args...), client: &http.Client{Transport: &http.Transport{}}, secret: secret}
	v.WaitFor("The API is at ")
	v.WaitFor("/docs")
	v.url = address.FindStringSubmatch(v.Output())[1]
	t.Cleanup(v.client.CloseIdleConnections)
	return v
}

func (v *server) request(ctx context.Context, method, path, body string) (status int, header http.Header, text string, err error) {
	r, err := http.NewRequestWithContext(ctx, method, v.url+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return 0, nil, "", err
	}
	r.Header.Set("Authorization", "Bearer "+v.secret)
	r.Header.Set("Content-Type", "application/json")
	response, err := v.client.Do(r)
	if err != nil {
		return 0, nil, "", err
	}
	defer func() { _ = response.Body.Close() }() // it has been read
	all, err := io.ReadAll(response.Body)
	return response.StatusCode, response.Header, string(all), err
}

func (v *server) must(t *testing.T, status int, method, path, body string) string {
	t.Helper()
	got, _, text, err := v.request(t.Context(), method, path, body)
	if err != nil || got != status {
		t.Fatalf("%s %s: status %d, want %d, %v: %s", method, path, got, status, err, text)
	}
	return text
}

func body(n int) string { return `{"trade_no":"` + trade(n) + `","logistics_name":"SF"}` }

// What is accepted stands on the belt soon, without any worker, and what Redis is away for is accepted all the same.
func TestServeLoadsTheBelt(t *testing.T) {
	t.Parallel()
	redis := proctest.Redis(t)
	s := newSite(t, "redis://"+redis)
	v := s.serve(t, s.token(t, "shop"), "--log-level", "debug")
	v.must(t, http.StatusAccepted, http.MethodPost, "/v1/shipments", body(1))
	v.WaitFor(`"tasks":1`)
	ids, err := proctest.RedisClient(t, redis).LRange(t.Context(), "asynq:{ship-"+partner+"}:pending", 0, -1).Result()
	if err != nil || len(ids) != 1 || ids[0] != partner+":"+trade(1) {
		t.Errorf("the belt has %v, %v", ids, err)
	}
	other := newSite(t, "redis://"+redis) // that of another ledger
	other.token(t, "shop")
	if code, out := proctest.Run(t, other.dir, other.env, program, "serve", "--listen", "127.0.0.1:0", "--tokens", "tokens.yaml"); code != 2 {
		t.Errorf("a Redis of another ledger: exit %d: %s", code, out)
	}
	away := newSite(t, "redis://127.0.0.1:1")
	v = away.serve(t, away.token(t, "shop"))
	v.must(t, http.StatusAccepted, http.MethodPost, "/v1/shipments", body(1))
	v.WaitFor("what is accepted is safe")
}

// A stop lets a request under way end, and is a success.
func TestServeStopsGently(t *testing.T) {
	t.Parallel()
	s := newSite(t, "redis://127.0.0.1:1")
	v := s.serve(t, s.token(t, "shop"))
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(v.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }() // the server's doing, too
	_, err = fmt.Fprintf(conn, "POST /v1/shipments HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", v.secret, len(body(1)))
	if err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	if line, err := in.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("got %q, %v", line, err)
	}
	if _, err := in.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	v.Signal(syscall.SIGTERM) // it is reading the body now
	v.WaitFor("stopping")
	if _, err := io.WriteString(conn, body(1)); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(in, nil)
	if err != nil || response.StatusCode != http.StatusAccepted {
		t.Fatalf("got %+v, %v", response, err)
	}
	if err := response.Body.Close(); err != nil {
		t.Error(err)
	}
	if code := v.Exit(); code != 0 {
		t.Errorf("exit %d", code)
	}
	if _, err := s.book(t).Get(t.Context(), shipment.Key{Partner: partner, TradeNo: trade(1)}); err != nil {
		t.Error(err)
	}
}

// A token that is made is good within a second or so, and one that is removed no longer.
func TestServeWatchesItsTokens(t *testing.T) {
	t.Parallel()
	s := newSite(t, "redis://127.0.0.1:1")
	first := s.token(t, "shop")
	v := s.serve(t, first)
	v.secret = s.token(t, "mall")
	v.WaitFor("the tokens file has changed and is read")
	v.must(t, http.StatusAccepted, http.MethodPost, "/v1/shipments", body(1))
	s.write(t, "tokens.yaml", "tokens: what?")
	v.WaitFor("is not in order; what it said before holds")
	v.must(t, http.StatusOK, http.MethodPost, "/v1/shipments", body(1))
	s.write(t, "tokens.yaml", "tokens: []")
	v.must(t, http.StatusOK, http.MethodGet, "/healthz", "")
	for { // until it has been seen: a line of the log like that above
		if status, _, _, err := v.request(t.Context(), http.MethodPost, "/v1/shipments", body(1)); err != nil || status == http.StatusUnauthorized {
			break
		}
	}
	if strings.Contains(v.Output(), first) || strings.Contains(v.Output(), v.secret) {
		t.Error("the log has a token")
	}
}

// Before the ledger can be opened, everybody is told to come again.
func TestServeWithoutALedger(t *testing.T) {
	t.Parallel()
	s := newSite(t, "redis://127.0.0.1:1")
	secret := s.token(t, "shop")
	s.env = append(s.env, "DATABASE_URL=postgres://nobody@"+proctest.Deserted(t)+"/none")
	v := s.begin(t, secret)
	status, header, text, err := v.request(t.Context(), http.MethodPost, "/v1/shipments", body(1))
	if err != nil || status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" {
		t.Errorf("status %d, %v, %v: %s", status, header, err, text)
	}
	v.must(t, http.StatusOK, http.MethodGet, "/healthz", "")
	v.must(t, http.StatusServiceUnavailable, http.MethodGet, "/readyz", "")
	v.Signal(syscall.SIGINT)
	if code := v.Exit(); code != 0 {
		t.Errorf("exit %d", code)
	}
}

// certificate writes one for 127.0.0.1, and its key.
func (s site) certificate(t *testing.T) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
	s.write(t, "cert.pem", string(text))
	s.write(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return pool
}

func TestServeTLS(t *testing.T) {
	t.Parallel()
	s := newSite(t, "redis://127.0.0.1:1")
	secret, pool := s.token(t, "shop"), s.certificate(t)
	v := s.serve(t, secret, "--tls-cert", "cert.pem", "--tls-key", filepath.Join(s.dir, "key.pem"))
	if !strings.HasPrefix(v.url, "https://") {
		t.Errorf("it is at %s", v.url)
	}
	v.client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	v.must(t, http.StatusAccepted, http.MethodPost, "/v1/shipments", body(1))
}
