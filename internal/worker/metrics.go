package worker

import (
	"context"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"fahuo/internal/alipay"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// metrics are the worker's, registered where Options says, or nowhere.
type metrics struct {
	calls      *prometheus.CounterVec
	seconds    *prometheus.HistogramVec
	gaps       prometheus.Histogram
	gapShort   prometheus.Counter
	unverified *prometheus.CounterVec
	late       prometheus.Counter
	shipments  *prometheus.GaugeVec
	dead       *prometheus.GaugeVec
	oldest     *prometheus.GaugeVec
	held       *prometheus.GaugeVec
	slowed     *prometheus.GaugeVec
	archived   prometheus.Gauge

	undecodable prometheus.Gauge

	ledger *prometheus.HistogramVec
	alive  prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) *metrics {
	if r == nil {
		r = prometheus.NewRegistry()
	}
	m := &metrics{
		calls:    counterVec("fahuo_calls_total", "Calls of the gateway.", "partner", "service", "result"),
		seconds:  prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "fahuo_call_seconds", Help: "How long calls took.", Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 15, 20}}, []string{"service"}),
		gaps:     prometheus.NewHistogram(prometheus.HistogramOpts{Name: "fahuo_gap_seconds", Help: "Time between two ship calls of one account, as this process wrote them.", Buckets: []float64{.1, .5, 1, 5, 9.9, 10, 10.01, 10.05, 10.1, 10.5, 11, 15, 30, 60, 600}}),
		gapShort: prometheus.NewCounter(prometheus.CounterOpts{Name: "fahuo_gap_short_total", Help: "Gaps below the interval; must stay 0."}),

		unverified:  counterVec("fahuo_unverified_answers_total", "Successes whose signature is missing or wrong.", "service"),
		late:        prometheus.NewCounter(prometheus.CounterOpts{Name: "fahuo_late_writes_total", Help: "Requests written after their window; must stay 0."}),
		shipments:   gaugeVec("fahuo_shipments", "Shipments by state; up to 15 s old.", "partner", "state"),
		dead:        gaugeVec("fahuo_dead_letters", "Dead letters by reason; up to 15 s old.", "reason"),
		oldest:      gaugeVec("fahuo_oldest_queued_seconds", "Age of the oldest queued shipment, up to 15 s ago.", "partner"),
		held:        gaugeVec("fahuo_account_held", "1 while the account is on hold; up to 15 s old.", "partner"),
		slowed:      gaugeVec("fahuo_account_slowed", "1 while the account is called for rarely, since Alipay is out of order; up to 15 s old.", "partner"),
		archived:    prometheus.NewGauge(prometheus.GaugeOpts{Name: "fahuo_asynq_archived", Help: "Tasks that asynq has given up, those included that this worker has taken on since its start; must stay 0. Up to a minute old."}),
		undecodable: prometheus.NewGauge(prometheus.GaugeOpts{Name: "fahuo_undecodable_tasks", Help: "What lies in the queues and asynq cannot decode; should stay 0. Up to a minute old."}),
		ledger:      prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "fahuo_ledger_seconds", Help: "How long write transactions of the ledger took.", Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}}, []string{"op"}),
		alive:       prometheus.NewGauge(prometheus.GaugeOpts{Name: "fahuo_worker_alive", Help: "1 while the worker runs."}),
	}
	r.MustRegister(m.calls, m.seconds, m.gaps, m.gapShort, m.unverified, m.late, m.shipments, m.dead, m.oldest, m.held, m.slowed, m.archived, m.undecodable, m.ledger, m.alive)
	m.alive.Set(1)
	// An alarm needs the 0 before the first 1: of a series that begins with 1 nothing has risen.
	for _, service := range []string{alipay.ServiceShip, alipay.ServiceQuery} {
		m.unverified.WithLabelValues(service)
	}
	return m
}

func counterVec(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

func gaugeVec(name, help string, labels ...string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
}

func (m *metrics) called(partner, service string, a alipay.Answer, took time.Duration) {
	m.calls.WithLabelValues(partner, service, a.Outcome.String()).Inc()
	m.seconds.WithLabelValues(service).Observe(took.Seconds())
	if a.Unverified {
		m.unverified.WithLabelValues(service).Inc()
	}
}

func (m *metrics) gapped(gap, interval time.Duration) {
	if gap == 0 {
		return
	}
	m.gaps.Observe(gap.Seconds())
	if gap < interval {
		m.gapShort.Inc()
	}
}

// gauge counts what stands in the ledger.
func (w *Worker) gauge(ctx context.Context) error {
	reasons, err := w.o.Book.DeathCount(ctx)
	if err != nil {
		return err
	}
	for _, r := range shipment.Reasons() {
		w.metrics.dead.WithLabelValues(string(r)).Set(float64(reasons[r]))
	}
	counts, err := w.o.Book.CountsByPartner(ctx)
	if err != nil {
		return err
	}
	oldest, err := w.o.Book.OldestQueued(ctx)
	if err != nil {
		return err
	}
	now, err := w.o.Book.Now(ctx)
	if err != nil {
		return err
	}
	accounts, err := w.o.Book.KnownAccounts(ctx)
	if err != nil {
		return err
	}
	// Of the lanes as they are now, and as they stay until all is set: one that is taken out meanwhile would keep for ever
	// what is set after retire has deleted it.
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.lanes {
		for _, state := range shipment.States() {
			w.metrics.shipments.WithLabelValues(l.partner, string(state)).Set(float64(counts[l.partner][state]))
		}
		age := 0.0
		if t, ok := oldest[l.partner]; ok {
			age = now.Sub(t).Seconds()
		}
		w.metrics.oldest.WithLabelValues(l.partner).Set(age)
		of := func(a ledger.Account) bool { return a.Partner == l.partner }
		if i := slices.IndexFunc(accounts, of); i >= 0 { // not if it was announced a moment ago
			w.metrics.held.WithLabelValues(l.partner).Set(float64(truth(accounts[i].Hold != nil)))
			w.metrics.slowed.WithLabelValues(l.partner).Set(float64(truth(accounts[i].Slowed != nil)))
		}
	}
	return nil
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}
