package worker

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

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
