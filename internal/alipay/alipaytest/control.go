package alipaytest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"
)

const (
	recordPath  = "/_simulator/record"
	faultsPath  = "/_simulator/faults"
	tradesPath  = "/_simulator/trades"
	refusalPath = "/_simulator/refusal"
)

// Record is everything that the gateway has seen: GET /_simulator/record, for tests in other processes.
type Record struct {
	Arrivals []Arrival `json:"arrivals"`
	Breaches []Breach  `json:"breaches"`
}

// control adds the addresses by which other processes steer the gateway.
func (g *Gateway) control() {
	g.mux.HandleFunc("GET "+recordPath, func(w http.ResponseWriter, _ *http.Request) {
		record := g.Record()
		respond(w, http.StatusOK, record)
	})
	g.mux.HandleFunc("POST "+faultsPath, func(w http.ResponseWriter, r *http.Request) {
		takeList(w, r, g.inject)
	})
	g.mux.HandleFunc("DELETE "+faultsPath, func(w http.ResponseWriter, _ *http.Request) {
		g.ClearFaults()
		w.WriteHeader(http.StatusNoContent)
	})
	g.mux.HandleFunc("POST "+tradesPath, func(w http.ResponseWriter, r *http.Request) {
		takeList(w, r, g.putTrades)
	})
	g.mux.HandleFunc("POST "+refusalPath, func(w http.ResponseWriter, r *http.Request) {
		takeList(w, r, g.setRefusals)
	})
}

// Record is a copy of everything recorded so far, taken at one instant.
func (g *Gateway) Record() Record {
	g.mu.Lock()
	defer g.mu.Unlock()
	// Empty lists, not null, for readers in other languages.
	return Record{Arrivals: append([]Arrival{}, g.arrivals...), Breaches: append([]Breach{}, g.breaches...)}
}

// refusal is SetAccountRefusal as JSON.
type refusal struct {
	Partner string `json:"partner"`
	Code    string `json:"code"`
}

func (g *Gateway) setRefusals(all []refusal) error {
	for _, r := range all {
		if g.accounts[r.Partner] == nil {
			return fmt.Errorf("partner %q is not known", r.Partner)
		}
	}
	for _, r := range all {
		g.SetAccountRefusal(r.Partner, r.Code)
	}
	return nil
}

func (g *Gateway) putTrades(all []Trade) error {
	for _, t := range all {
		if err := t.Validate(); err != nil {
			return err
		}
	}
	for _, t := range all {
		g.PutTrade(t)
	}
	return nil
}

// Validate says what is missing in a trade.
func (t Trade) Validate() error {
	switch {
	case t.No == "":
		return errors.New("trade: trade_no is missing")
	case t.Partner == "":
		return fmt.Errorf("trade %s: partner is missing", t.No)
	}
	return nil
}

// takeList reads one T or a list of them and gives them to take: 204, or 400 with what is wrong.
func takeList[T any](w http.ResponseWriter, r *http.Request, take func([]T) error) {
	// No page of another site can send this content type here without asking first.
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		respond(w, http.StatusUnsupportedMediaType, problem{"the content type must be application/json"})
		return
	}
	list, err := readList[T](http.MaxBytesReader(w, r.Body, 16<<20))
	if err == nil {
		err = take(list)
	}
	if err != nil {
		respond(w, http.StatusBadRequest, problem{err.Error()})
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

type problem struct {
	Error string `json:"error"`
}

func readList[T any](body io.Reader) ([]T, error) {
	raw, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	if raw = bytes.TrimSpace(raw); len(raw) > 0 && raw[0] != '[' {
		raw = append(append([]byte("["), raw...), ']')
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	var list []T
	if err := d.Decode(&list); err != nil {
		return nil, err
	}
	if d.More() {
		return nil, errors.New("more than one JSON value")
	}
	return list, nil
}

func respond(w http.ResponseWriter, status int, body any) {
	head(w, "application/json", status)
	_ = json.NewEncoder(w).Encode(body) // the caller has gone: nothing to tell it
}

// faultJSON is a Fault as JSON, where a delay is written as "1.5s".
type faultJSON struct {
	Service string    `json:"service,omitempty"`
	Partner string    `json:"partner,omitempty"`
	TradeNo string    `json:"trade_no,omitempty"`
	Kind    FaultKind `json:"kind"`
	Code    string    `json:"code,omitempty"`
	When    Face      `json:"when"`
	Delay   string    `json:"delay,omitempty"`
	Times   int       `json:"times,omitempty"`
	Chance  float64   `json:"chance,omitempty"`
}

// UnmarshalJSON reads a fault as in a faults file, but in JSON. An unknown name is an error.
func (f *Fault) UnmarshalJSON(raw []byte) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	var j faultJSON
	if err := d.Decode(&j); err != nil {
		return err
	}
	*f = Fault{
		Service: j.Service, Partner: j.Partner, TradeNo: j.TradeNo, Kind: j.Kind, Code: j.Code, When: j.When,
		Times: j.Times, Chance: j.Chance,
	}
	if j.Delay == "" {
		return nil
	}
	delay, err := time.ParseDuration(j.Delay)
	if err != nil {
		return fmt.Errorf("delay: %w", err)
	}
	f.Delay = delay
	return nil
}
