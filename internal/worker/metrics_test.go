package worker

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"fahuo/internal/alipay"
)

// The metrics that must stay 0 do not when they should not.
func TestAlarmsAreCounted(t *testing.T) {
	registry := prometheus.NewRegistry()
	m := newMetrics(registry)
	for _, gap := range []time.Duration{0, 9999 * time.Millisecond, 10 * time.Second} {
		m.gapped(gap, 10*time.Second)
	}
	m.called("2088", alipay.ServiceShip, alipay.Answer{Unverified: true}, time.Second)
	m.called("2088", alipay.ServiceShip, alipay.Answer{}, time.Second)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]float64)
	for _, f := range families {
		for _, metric := range f.GetMetric() {
			got[f.GetName()] += metric.GetCounter().GetValue() + float64(metric.GetHistogram().GetSampleCount())
		}
	}
	for name, want := range map[string]float64{
		"fahuo_gap_short_total": 1, "fahuo_gap_seconds": 2, "fahuo_unverified_answers_total": 1, "fahuo_calls_total": 2,
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
}

// asynq's lines come out in our log, and its Fatal does not end the process.
func TestAsynqsLog(t *testing.T) {
	var out strings.Builder
	log := asynqLog{zerolog.New(&out)}
	for _, say := range []func(...any){log.Debug, log.Info, log.Warn, log.Error, log.Fatal} {
		say("said ", 7)
	}
	for _, level := range []string{"trace", "debug", "warn", "error"} {
		if !strings.Contains(out.String(), `"level":"`+level+`","message":"said 7"`) {
			t.Errorf("%s is missing: %s", level, out.String())
		}
	}
}
