package worker

import (
	"slices"
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

// Before anything has happened: what an alarm rises from is there, and how old gauges are is said.
func TestMetricsAtTheStart(t *testing.T) {
	registry := prometheus.NewRegistry()
	m := newMetrics(registry)
	m.shipments.WithLabelValues("2088", "queued")
	m.dead.WithLabelValues("unknown_code")
	m.oldest.WithLabelValues("2088")
	m.held.WithLabelValues("2088")
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	help := make(map[string]string)
	for _, f := range families {
		help[f.GetName()] = f.GetHelp()
		if f.GetName() != "fahuo_unverified_answers_total" {
			continue
		}
		var services []string
		for _, metric := range f.GetMetric() {
			services = append(services, metric.GetLabel()[0].GetValue())
			if metric.GetCounter().GetValue() != 0 {
				t.Errorf("%v", metric)
			}
		}
		if slices.Sort(services); !slices.Equal(services, []string{alipay.ServiceShip, alipay.ServiceQuery}) {
			t.Errorf("%v", services)
		}
	}
	for _, name := range []string{"fahuo_shipments", "fahuo_dead_letters", "fahuo_oldest_queued_seconds", "fahuo_account_held"} {
		if !strings.Contains(help[name], "up to 15 s") {
			t.Errorf("%s: %q", name, help[name])
		}
	}
	if _, there := help["fahuo_unverified_answers_total"]; !there {
		t.Error("no answer was unverified yet, and nothing is there to rise")
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
