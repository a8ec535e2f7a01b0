package desk_test

import (
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"fahuo/internal/alipay"
	"fahuo/internal/desk"
	"fahuo/internal/intake"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// beginning is that of a key that is put together.
var beginning = regexp.MustCompile(`"([a-z]+\.(?:[a-z_]+[._])?)"`)

var verbs = regexp.MustCompile(`%[a-z%]`)

// Every sentence exists in both languages and takes the same values. English alone tells one from many.
func TestBothLanguagesSayTheSame(t *testing.T) {
	t.Parallel()
	zh, en := desk.Sentences("zh"), desk.Sentences("en")
	for key, sentence := range zh {
		other, ok := en[key]
		if !ok {
			t.Errorf("en lacks %s", key)
			continue
		}
		if a, b := verbs.FindAllString(sentence, -1), verbs.FindAllString(other, -1); !slices.Equal(a, b) {
			t.Errorf("%s: zh takes %v, en %v", key, a, b)
		}
	}
	for key := range en {
		if _, ok := zh[strings.TrimSuffix(key, ".one")]; !ok {
			t.Errorf("zh lacks %s", key)
		}
	}
}

// computed are keys that are put together from a value: their beginnings, and the values that there are.
func computed() map[string][]string {
	var states, reasons []string
	for _, s := range shipment.States() {
		states = append(states, string(s))
	}
	for _, r := range shipment.Reasons() {
		reasons = append(reasons, string(r))
	}
	var acts []string
	for _, a := range allActs() {
		acts = append(acts, string(a))
	}
	var verdicts []string
	for o := alipay.Unknown; o <= alipay.UnlistedCode; o++ {
		verdicts = append(verdicts, o.String())
	}
	verdicts = append(verdicts, ledger.VerdictNotSent)
	over := []string{"send_again", "close", "assign"}
	return map[string][]string{
		"state.": states, "reason.": append(reasons, ""), "what.": reasons, "event.": append(acts, "other"), "verdict.ship.": verdicts, "verdict.query.": verdicts,
		"found.": {"waiting", "shipped", "not_shippable", "not_exist"}, "transport.": {"EXPRESS", "EMS", "POST", "DIRECT", ""},
		"obstacle.": {"state", "payload", "shipped", "refused", "look_first", "not_shipped", "changed"},
		"act.":      over, "bulk.confirm.": over, "bulk.report.": over, "bulk.state.": {"preview", "running", "done", "undoing", "undone"},
		"do.": {"ask", "send", "close", "mark", "take", "leave", "note", "cancel"}, "done.case_": {"ask", "send", "close", "mark", "take", "leave", "note", "cancel"},
		"fault.":  {"logistics_name", "invoice_no", "transport_type", "why", "note", "looked", "other"},
		"change.": {"logistics_name", "invoice_no", "transport_type", "assignee", "looked", "state", "reason", "filter", "shipments", "hold", "event", "deliveries", "endpoint", "from", "to", "trade_no", "calls", "before", "file", "accepted", "already", "conflicts", "rejected", "partner", "urgent"}, "role.": {"viewer", "operator"},
		"done.": {"account_held", "account_released", "batch_cancelled", "events_replayed"}, "call.": {"success", "busy", "refused", "account", "unknown", "not_sent"},
		"batches.left_": {"calling", "shipped", "dead"},
		"nav.":          {"overview", "dead", "shipments", "batches", "import", "accounts", "events", "audit"},
		"import.warn.":  warnings(), "import.field.": {"row", "trade_no", "logistics_name", "invoice_no", "transport_type", "create_transport_type", "seller_ip", "partner", "order_ref", "batch", "urgent"},
	}
}

func warnings() (kinds []string) {
	for _, k := range intake.WarningKinds() {
		kinds = append(kinds, string(k))
	}
	return kinds
}

// allActs are the acts that the ledger's source declares.
func allActs() (all []ledger.Act) {
	source, err := os.ReadFile("../ledger/history.go")
	if err != nil {
		panic(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^\tAct\w+\s+Act = "(\w+)"`).FindAllStringSubmatch(string(source), -1) {
		all = append(all, ledger.Act(m[1]))
	}
	return all
}

// Every key that is put together from a value is there, for every value.
func TestComputedKeysAreThere(t *testing.T) {
	t.Parallel()
	if len(allActs()) < 25 {
		t.Fatalf("found only %v in the ledger", allActs())
	}
	for _, name := range []string{"zh", "en"} {
		say := desk.Sentences(name)
		for prefix, values := range computed() {
			for _, v := range values {
				if say[prefix+v] == "" {
					t.Errorf("%s lacks %s", name, prefix+v)
				}
			}
		}
	}
}

// codes are those of the protocol's table (docs/protocol.md).
var protocolCode = regexp.MustCompile(`(?m)"([A-Z][A-Z0-9_]{4,})"`)

// Every code that Alipay is known to answer with has a sentence, in every spelling.
func TestEveryCodeHasASentence(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("../alipay/code.go")
	must(t, err)
	codes := protocolCode.FindAllStringSubmatch(string(source), -1)
	if len(codes) < 35 {
		t.Fatalf("found only %d codes", len(codes))
	}
	for _, name := range []string{"zh", "en"} {
		say := desk.Sentences(name)
		for _, c := range codes {
			if say["code."+c[1]] == "" {
				t.Errorf("%s has no sentence for %s", name, c[1])
			}
		}
	}
}

// A sentence that nothing says is dead weight: it is named in a template or in Go, or put together from a value.
func TestNoSentenceIsUnused(t *testing.T) {
	t.Parallel()
	var sources strings.Builder
	here := os.DirFS(".")
	must(t, fs.WalkDir(here, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(path, "_test.go") || !strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, ".html") {
			return err
		}
		text, err := fs.ReadFile(here, path)
		sources.Write(text)
		return err
	}))
	known := make(map[string]bool)
	for prefix, values := range computed() {
		for _, v := range values {
			known[prefix+v] = true
		}
	}
	// A beginning that stands in a source and is not in the table above may be followed by anything.
	open := func(key string) bool {
		for _, m := range beginning.FindAllStringSubmatch(sources.String(), -1) {
			if _, closed := computed()[m[1]]; !closed && strings.HasPrefix(key, m[1]) && !strings.HasPrefix(key, "done.case_") {
				return true
			}
		}
		return false
	}
	for key := range desk.Sentences("zh") {
		switch {
		case known[key], strings.HasPrefix(key, "code."), strings.HasPrefix(key, "status."): // what Alipay may say
		case strings.HasPrefix(key, "what."), strings.HasPrefix(key, "todo."): // whose beginnings stand in advice.go
			if !strings.Contains(sources.String(), `"`+key+`"`) && !strings.Contains(sources.String(), `"`+strings.TrimPrefix(key, "todo.")+`"`) && !known["what."+strings.TrimPrefix(key, "todo.")] {
				t.Errorf("nothing says %s", key)
			}
		case !strings.Contains(sources.String(), `"`+key+`"`) && !open(key):
			t.Errorf("nothing says %s", key)
		}
	}
}
