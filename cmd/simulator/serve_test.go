package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"fahuo/internal/alipay"
	"fahuo/internal/alipay/alipaytest"
)

const (
	partner = "2088000000000001"
	key     = "abcdefghijklmnopqrstuvwxyz012345"
	// A 28-digit number that is not quoted in a YAML file has to arrive whole.
	closedTrade = "2014040311001004370000361526"
	openTrade   = "2014040311001004370000361525"
	laterTrade  = "2014040311001004370000361527"
)

const faultsFile = `faults:
  - {kind: system_error, when: after, trade_no: ` + openTrade + `}
  - {kind: slow, delay: 1ms, service: query}
`

const tradesFile = `trades:
  - {trade_no: ` + closedTrade + `, status: TRADE_CLOSED}
`

// process is a running simulator.
type process struct {
	*exec.Cmd
	out    *bufio.Reader
	stderr *bytes.Buffer
	url    string
}

// begin runs the command as a process and waits until it says where it listens.
func begin(t *testing.T, args ...string) *process {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{"key": key + "\n", "faults.yaml": faultsFile, "trades.yaml": tradesFile} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	args = append([]string{"--listen", "127.0.0.1:0", "--partner", partner, "--key-file", "key"}, args...)
	p := &process{Cmd: exec.CommandContext(ctx, "simulator", args...), stderr: &bytes.Buffer{}}
	p.Dir, p.Env, p.Stderr = dir, environment(), p.stderr
	pipe, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	p.out = bufio.NewReader(pipe)
	line := p.line(t)
	if p.url = regexp.MustCompile(`http://127\.0\.0\.1:[0-9]+/gateway\.do`).FindString(line); p.url == "" {
		t.Fatalf("first line %q, stderr %s", line, p.stderr)
	}
	return p
}

func (p *process) line(t *testing.T) string {
	t.Helper()
	line, err := p.out.ReadString('\n')
	if err != nil {
		t.Fatalf("read: %v; so far %q, stderr %s", err, line, p.stderr)
	}
	return line
}

// end stops the process by a signal; it returns what it still printed.
func (p *process) end(t *testing.T, signal os.Signal) string {
	t.Helper()
	if err := p.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(p.out)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(); err != nil { // any exit code but 0
		t.Errorf("end: %v, stderr %s", err, p.stderr)
	}
	return string(rest)
}

func (p *process) post(t *testing.T, service, tradeNo string) alipay.Answer {
	t.Helper()
	c := alipay.Credentials{Partner: partner, SignType: alipay.MD5, Charset: alipay.UTF8, Key: alipay.NewSecret(key)}
	params := alipay.Params{"service": service, "partner": partner, "_input_charset": "utf-8", "trade_no": tradeNo}
	if service == alipay.ServiceShip {
		params["logistics_name"], params["transport_type"] = "顺丰速运", "EXPRESS"
	}
	sign, err := c.Sign(params, c.Charset)
	if err != nil {
		t.Fatal(err)
	}
	params["sign"], params["sign_type"] = sign, "MD5"
	body, err := alipay.EncodeForm(params, c.Charset)
	if err != nil {
		t.Fatal(err)
	}
	contentType, answer := p.http(t, http.MethodPost, alipaytest.Path+"?_input_charset=utf-8", "application/x-www-form-urlencoded", string(body))
	if service == alipay.ServiceShip {
		return alipay.ParseShipAnswer(&c, tradeNo, http.StatusOK, contentType, answer)
	}
	return alipay.ParseQueryAnswer(&c, tradeNo, http.StatusOK, contentType, answer)
}

func (p *process) http(t *testing.T, method, path, contentType, body string) (string, []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, strings.TrimSuffix(p.url, alipaytest.Path)+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", contentType)
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil || response.StatusCode >= 300 {
		t.Fatalf("%s %s: %d %s, error %v", method, path, response.StatusCode, answer, err)
	}
	return response.Header.Get("Content-Type"), answer
}

func TestServe(t *testing.T) {
	t.Parallel()
	p := begin(t, "--faults", "faults.yaml", "--trades", "trades.yaml", "--interval", "1h")
	if a := p.post(t, alipay.ServiceQuery, closedTrade); a.TradeStatus != "TRADE_CLOSED" || !a.Verified {
		t.Errorf("query: %+v", a)
	}
	if a := p.post(t, alipay.ServiceShip, openTrade); a.Code != "SYSTEM_ERROR" {
		t.Errorf("ship: %+v", a)
	}
	p.http(t, http.MethodPost, "/_simulator/faults", "application/json", `{"kind":"retry"}`)
	if a := p.post(t, alipay.ServiceShip, laterTrade); a.Code != "RETRY" {
		t.Errorf("ship: %+v", a)
	}
	var record alipaytest.Record
	if _, raw := p.http(t, http.MethodGet, "/_simulator/record", "", ""); json.Unmarshal(raw, &record) != nil || len(record.Arrivals) != 3 || len(record.Breaches) != 1 {
		t.Errorf("record %s", raw)
	}
	// A request's line follows its answer, so those of two requests may change places.
	lines := []string{p.line(t), p.line(t), p.line(t), p.line(t)}
	for _, want := range []string{
		`^[0-9:.]{12}  query  ` + partner + `  ` + closedTrade + `  gap -  T  fault=slow\n$`,
		`^[0-9:.]{12}  ship   ` + partner + `  ` + openTrade + `  gap -  SYSTEM_ERROR  shipped  fault=system_error\n$`,
		`^[0-9:.]{12}  ship   ` + partner + `  ` + laterTrade + `  gap [0-9.]+[µm]?s  RETRY  fault=retry\n$`,
		`^!!! LAW BROKEN  gap: arrival 3 .*` + laterTrade,
	} {
		if !slices.ContainsFunc(lines, regexp.MustCompile(want).MatchString) {
			t.Errorf("none of %q matches %q", lines, want)
		}
	}
	rest := p.end(t, syscall.SIGTERM)
	for _, want := range []string{"not Alipay: report", "(ship 2, query 1, other 0)", "broken laws   1", "exit code is 0 all the same"} {
		if !strings.Contains(rest, want) {
			t.Errorf("no %q in the report:\n%s", want, rest)
		}
	}
	if p.stderr.Len() > 0 {
		t.Errorf("stderr %s", p.stderr)
	}
}

func TestServeJSON(t *testing.T) {
	t.Parallel()
	p := begin(t, "--log-format", "json", "--known-trades-only", "--no-query")
	if a := p.post(t, alipay.ServiceShip, openTrade); a.Code != alipay.CodeTradeNotExist {
		t.Errorf("ship: %+v", a)
	}
	if a := p.post(t, alipay.ServiceQuery, openTrade); a.Code != alipay.CodeMayNotUse {
		t.Errorf("query: %+v", a)
	}
	var events []string
	for _, line := range strings.Split(strings.TrimSpace(p.end(t, os.Interrupt)), "\n") {
		var event struct {
			Event  string `json:"event"`
			Answer string `json:"answer"`
			Ships  int    `json:"ships"`
		}
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		events = append(events, event.Event+" "+event.Answer)
	}
	// A request's line follows its answer, so those of two requests may change places.
	slices.Sort(events[:len(events)-1])
	if got := strings.Join(events, ","); got != "call ILLEGAL_PARTNER_EXTERFACE,call TRADE_NOT_EXIST,report " {
		t.Errorf("events %s", got)
	}
}

// Times are those that people here read, wherever the machine is.
func TestTimesAreBeijings(t *testing.T) {
	t.Parallel()
	p := begin(t)
	p.post(t, alipay.ServiceQuery, openTrade)
	clock, _, _ := strings.Cut(p.line(t), "  ")
	now := time.Now().In(time.FixedZone("", 8*60*60))
	at, err := time.Parse("15:04:05.000", clock)
	if err != nil {
		t.Fatal(err)
	}
	day := func(t time.Time) time.Duration {
		return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute + time.Duration(t.Second())*time.Second
	}
	if ago := (day(now) - day(at) + 24*time.Hour) % (24 * time.Hour); ago > 10*time.Minute {
		t.Errorf("it says %s at %s", clock, now)
	}
	p.end(t, os.Interrupt)
}

func TestATakenAddress(t *testing.T) {
	t.Parallel()
	p := begin(t)
	address := strings.TrimSuffix(strings.TrimPrefix(p.url, "http://"), alipaytest.Path)
	second := exec.CommandContext(t.Context(), "simulator", "--listen", address, "--partner", partner, "--key-file", "key")
	second.Dir, second.Env = p.Dir, environment()
	out, err := second.CombinedOutput()
	if err == nil || second.ProcessState.ExitCode() != exitUsage || !bytes.Contains(out, []byte("address already in use; choose another one: --listen HOST:PORT")) {
		t.Errorf("error %v, output %s", err, out)
	}
	if bytes.Contains(out, []byte("--help")) {
		t.Errorf("no explanation of flags mends it: %s", out)
	}
	p.end(t, os.Interrupt)
}
