package check_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"fahuo/internal/alipay"
	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/check"
	"fahuo/internal/ledger"
)

// breakage is one thing that is broken: in the gateway before it starts, or in the scene.
type breakage struct {
	setup  func(*alipaytest.Options)
	breaks func(*scene)
	fails  check.ID
	says   string // in what was found, or what to do
}

func refusal(code string, fails check.ID) breakage {
	return breakage{breaks: func(s *scene) { s.refuse(code) }, fails: fails, says: code}
}

func queried(kind alipaytest.FaultKind, fails check.ID, says string) breakage {
	return breakage{breaks: func(s *scene) { s.look(waiting); s.query(alipaytest.Fault{Kind: kind, Times: -1}) }, fails: fails, says: says}
}

func traded(status, says string) breakage {
	return breakage{breaks: func(s *scene) { s.put(waiting, status); s.look(waiting) }, fails: check.Trade, says: says}
}

// broken are the things that can be wrong with account, gateway and host, each alone.
var broken = map[string]breakage{
	"the configuration": {breaks: func(s *scene) { s.o.Fault = errors.New("--interval: 1s") }, fails: check.Configuration, says: "--interval"},

	"the key":           {breaks: func(s *scene) { s.o.Accounts[0].Credentials.Key = alipay.NewSecret(strings.Repeat("f", 32)) }, fails: check.Key, says: "ILLEGAL_SIGN"},
	"another's partner": {breaks: func(s *scene) { s.o.Accounts[0].Credentials.Partner = "2088900000000099" }, fails: check.Partner, says: "ILLEGAL_PARTNER"},
	"the sign type":     refusal("ILLEGAL_SIGN_TYPE", check.Key),
	"the contract":      refusal("ILLEGAL_USER", check.Partner),
	"the charset":       refusal("ILLEGAL_CHARSET", check.Charset),
	"our address":       refusal("ILLEGAL_CLIENT_IP", check.Origin),
	"closed interface":  refusal("EXTERFACE_IS_CLOSED", check.QueryPermission),
	"no query": {
		setup: func(o *alipaytest.Options) { o.Accounts[0].NoQuery = true }, fails: check.QueryPermission, says: "ILLEGAL_PARTNER_EXTERFACE",
	},

	"busy":     queried(alipaytest.SystemError, check.Gateway, "SYSTEM_ERROR"),
	"a page":   queried(alipaytest.HTMLPage, check.Gateway, "no answer that counts"),
	"HTTP 502": queried(alipaytest.ServerError, check.Gateway, "502"),
	"reset":    queried(alipaytest.Reset, check.Gateway, "no answer that counts"),
	"silent": {
		breaks: func(s *scene) {
			s.o.CallTimeout = 500 * time.Millisecond
			s.look(waiting)
			s.query(alipaytest.Fault{Kind: alipaytest.Hang, Times: -1})
		},
		fails: check.Gateway, says: "no answer that counts",
	},
	"half an answer":  queried(alipaytest.HalfXML, check.Gateway, "no answer that counts"),
	"wrongly signed":  queried(alipaytest.WrongSignature, check.Answer, "sign"),
	"not signed":      queried(alipaytest.Unsigned, check.Answer, "signature"),
	"another's trade": queried(alipaytest.WrongTradeNo, check.Answer, "another trade"),
	"an odd code": {
		breaks: func(s *scene) { s.query(alipaytest.Fault{Kind: alipaytest.ErrorCode, Code: "MOON_IS_FULL", Times: -1}) }, fails: check.Gateway, says: "MOON_IS_FULL",
	},
	"a code without meaning": {
		breaks: func(s *scene) {
			s.query(alipaytest.Fault{Kind: alipaytest.ErrorCode, Code: "SESSION_TIMEOUT", Times: -1})
		}, fails: check.Gateway, says: "SESSION_TIMEOUT",
	},

	"our clock is behind": {setup: func(o *alipaytest.Options) { o.ClockAhead = 3 * time.Minute }, fails: check.Clock, says: "behind"},
	"our clock is ahead":  {setup: func(o *alipaytest.Options) { o.ClockAhead = -3 * time.Minute }, fails: check.Clock, says: "ahead"},

	"nobody there": {breaks: func(s *scene) { s.client(alipay.Options{Gateway: "http://127.0.0.1:1/gateway.do"}) }, fails: check.Connection, says: "refused"},
	"DNS": {
		breaks: func(s *scene) {
			s.client(alipay.Options{Gateway: alipay.ProductionGateway})
			s.o.Resolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no server") }}
		},
		fails: check.DNS, says: "mapi.alipay.com",
	},

	"no such trade":       {breaks: func(s *scene) { s.look("2026112300001001000000000009") }, fails: check.Trade, says: "2026112300001001000000000009"},
	"an instant transfer": traded("TRADE_SUCCESS", "instant transfer"),
	"a closed trade":      traded("TRADE_CLOSED", "it is over"),
	"an unpaid trade":     traded("WAIT_BUYER_PAY", "not paid"),
	"an odd status":       traded("MOON_IS_FULL", "MOON_IS_FULL"),
	"a hold": {
		breaks: func(s *scene) {
			s.with(func(ctx context.Context, b *ledger.Ledger) error {
				_, err := b.SetHold(ctx, partner, ledger.HoldManual, "stocktaking", "wang")
				return err
			})
		},
		fails: check.Hold, says: "stocktaking",
	},

	"the disk":         {breaks: func(s *scene) { s.host(func(h *host) { h.free = 1 << 20 }) }, fails: check.Disk, says: "make room"},
	"open files":       {breaks: func(s *scene) { s.host(func(h *host) { h.files = 64 }) }, fails: check.Files, says: "ulimit -n 4096"},
	"a network's disk": {breaks: func(s *scene) { s.host(func(h *host) { h.remote = "NFS" }) }, fails: check.Ledger, says: "NFS"},
	"no ledger":        {breaks: func(s *scene) { s.o.Ledger = "postgres://fahuo@127.0.0.1:1/fahuo" }, fails: check.Ledger, says: "127.0.0.1:1"},
	"no Redis":         {breaks: func(s *scene) { s.o.Redis = "redis://127.0.0.1:1" }, fails: check.Redis, says: "127.0.0.1:1"},
}

// independent are steps that no other's failing keeps from being made.
var independent = []check.ID{check.Configuration, check.Files, check.ClockSync, check.Ledger, check.Disk, check.Demo}

// Each thing broken in turn: the check names it and nothing else, and ships nothing.
func TestEachThingBrokenInTurn(t *testing.T) {
	for name, b := range broken {
		t.Run(name, func(t *testing.T) {
			s := set(t, b.setup)
			if b.breaks != nil {
				b.breaks(s)
			}
			r := s.run()
			expect(t, r, b.says, b.fails)
			for _, id := range independent {
				if id == check.Disk && b.fails == check.Ledger && s.o.Ledger[:7] != "sqlite:" {
					continue // that one is on another machine's
				}
				if step := find(t, r, id); id != b.fails && step.Status != check.Passed {
					t.Errorf("%s is %s: %s", id, step.Status, step.Detail)
				}
			}
			if strings.Contains(text(t, r), testKey) {
				t.Error("the report shows the key")
			}
			if n := s.calls(); n != 0 {
				t.Errorf("%d ship calls", n)
			}
		})
	}
	if len(broken) < 18 {
		t.Errorf("only %d things are broken", len(broken))
	}
}

// With nothing broken nothing fails; and told to ship, a check that finds anything broken ships nothing.
func TestNothingIsShippedBesideAFault(t *testing.T) {
	s := set(t, nil)
	expect(t, s.run(), "")
	if n := s.calls(); n != 0 {
		t.Fatalf("%d ship calls without being told to", n)
	}
	for _, name := range []string{
		"the configuration", "the key", "another's partner", "our address", "busy", "silent", "wrongly signed", "an instant transfer",
		"no such trade", "a hold", "no ledger", "nobody there",
	} {
		t.Run(name, func(t *testing.T) {
			b := broken[name]
			s := set(t, b.setup)
			s.ship()
			b.breaks(s)
			s.o.Ship.TradeNo, s.o.Ship.Partner = s.o.TradeNo, s.o.Accounts[0].Credentials.Partner
			r := s.run()
			expect(t, r, b.says, b.fails)
			if step := find(t, r, check.Shipment); s.calls() != 0 || step.Status != check.Skipped || !strings.Contains(step.Detail, "nothing was shipped") {
				t.Errorf("%d calls, %+v", s.calls(), step)
			}
		})
	}
}
