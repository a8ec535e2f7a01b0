package chaos_test

import (
	"slices"
	"strings"
	"testing"

	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/chaos"
)

func TestTheRightHandlerBreaksNothing(t *testing.T) {
	r := newRig(t)
	for _, row := range r.accept(3) {
		r.right(row)
	}
	if found := r.check(); len(found) > 0 {
		t.Errorf("%v", found)
	}
}

// For each law and each way to break it, somebody who does: that way is told, and no law but those that must break
// with it.
func TestTheCheckerCatches(t *testing.T) {
	for name, c := range map[string]struct {
		rogue  func(*rig) []chaos.Violation
		law    chaos.Law
		detail string      // how it is told
		with   []chaos.Law // what breaks with it
	}{
		"a handler that ships what is shipped":             {shipsAgain, chaos.Once, "had shipped it", nil},
		"a limiter that does not wait":                     {doesNotWait, chaos.Pace, "the interval is", nil},
		"a handler that does not wait for the answer":      {doesNotWaitForTheAnswer, chaos.Pace, "in flight", nil},
		"a handler that forgets a shipment":                {forgets, chaos.Settled, "still queued", nil},
		"a handler that believes an answer of its own":     {believes, chaos.Settled, "not at the gateway", nil},
		"a ledger that loses a row":                        {losesARow, chaos.Settled, "not in the ledger", nil},
		"a handler that does not begin":                    {doesNotBegin, chaos.Written, "was never begun", []chaos.Law{chaos.Settled}},
		"a handler that says it has not sent":              {deniesSending, chaos.Written, "not to have been sent", []chaos.Law{chaos.Settled}},
		"a handler that begins once and sends twice":       {sendsTwice, chaos.Written, "have one row", nil},
		"a handler that lets asynq give up":                {givesUp, chaos.NoLoop, "asynq has given up", []chaos.Law{chaos.Settled}},
		"a handler that calls again when out of step":      {again(alipaytest.Fault{Kind: alipaytest.StatusNotAvailable}), chaos.NoLoop, "after the refusal", nil},
		"a handler that calls again with a wrong argument": {again(alipaytest.Fault{Kind: alipaytest.ErrorCode, Code: "ILLEGAL_ARGUMENT"}), chaos.NoLoop, "after the refusal", nil},
		"a worker that sends again by itself":              {sentAgainBy("rogue"), chaos.NoLoop, "after the refusal", nil},
		"a handler that does not queue its dead letters":   {keepsItsDead, chaos.SameDead, "in the dead-letter queue: false", nil},
		"a handler that queues dead letters too many":      {buriesTheLiving, chaos.SameDead, "in the dead-letter queue: true", nil},
		"a handler that queues another reason of death":    {changesTheReason, chaos.SameDead, "\"not_shippable\" in the ledger, \"trade_not_exist\" in the queue", nil},
		"somebody who changes a row by hand":               {writes(`UPDATE shipments SET state = 'closed'`), chaos.Arrows, "the row is closed", nil},
		"somebody who leaves a line of history out":        {writes(`DELETE FROM history WHERE to_state = 'calling'`), chaos.Arrows, "goes on from calling where it stood at queued", nil},
		"somebody who takes what is shipped back":          {writes(takenBack), chaos.Arrows, "from shipped to queued there is no arrow", []chaos.Law{chaos.Settled}},
		"somebody who gives a version twice":               {writes(`UPDATE history SET version = 2`), chaos.Arrows, "version 2 after version 2", nil},
		"a handler with a wrong key":                       {signsWrongly, chaos.Healthy, "a bad request", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := c.rogue(newRig(t))
			told := false
			for _, v := range found {
				told = told || v.Law == c.law && strings.Contains(v.Detail, c.detail)
				if v.Law != c.law && !slices.Contains(c.with, v.Law) {
					t.Errorf("broken as well: %v", v)
				}
			}
			if !told {
				t.Errorf("%s, %q, is not among what was found: %v", c.law, c.detail, found)
			}
		})
	}
}

// What a person sends again after a refusal may be called again.
func TestAPersonMaySendAgain(t *testing.T) {
	if found := sentAgainBy("person")(newRig(t)); len(found) > 0 {
		t.Errorf("%v", found)
	}
}

func TestWhatNoWorkerMaySay(t *testing.T) {
	late := `{"message":"a request was written after its window: this process was stopped at the wrong moment"}` + "\n"
	if found, n := chaos.ReadLog(1, late+`{"message":"ship call"}`+"\n"+late); len(found) > 0 || n != 2 {
		t.Errorf("%v, %d late writes", found, n)
	}
	for _, bad := range []string{"panic: nil", "fatal error: all goroutines are asleep", "WARNING: DATA RACE", `{"key":"chaos-test-key-00112233445566778899"}`} {
		found, _ := chaos.ReadLog(1, late+bad+"\n")
		if len(found) != 1 || found[0].Law != chaos.Healthy {
			t.Errorf("%q: %v", bad, found)
		}
	}
}
