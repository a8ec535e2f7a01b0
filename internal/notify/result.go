package notify

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
)

// result is what became of a notification.
type result string

// The results, as the metric names them.
const (
	resultTaken        result = "taken"         // recorded, of a shipment that is known
	resultUnknownTrade result = "unknown_trade" // recorded, and nobody has handed over a shipment of that trade
	resultAgain        result = "again"         // on record already
	resultForeign      result = "foreign"       // of no account here
	resultRefused      result = "refused"       // no notification, or not signed with the account's key
	resultForged       result = "forged"        // rightly signed, and Alipay says that it is not its own, or no longer
	resultUnknown      result = "unverified"    // Alipay could not be asked; it comes again
	resultAway         result = "ledger_away"   // it could not be recorded; it comes again
)

// results lists every result.
func results() []result {
	return []result{
		resultTaken, resultUnknownTrade, resultAgain, resultForeign, resultRefused, resultForged, resultUnknown, resultAway,
	}
}

// taken tells whether it is acknowledged.
func (r result) taken() bool {
	switch r {
	case resultTaken, resultUnknownTrade, resultAgain:
		return true
	case resultForeign, resultRefused, resultForged, resultUnknown, resultAway:
	}
	return false
}

// status is the HTTP status of one that is not acknowledged.
func (r result) status() int {
	if r == resultUnknown || r == resultAway {
		return http.StatusServiceUnavailable
	}
	return http.StatusBadRequest
}

type metrics struct{ all *prometheus.CounterVec }

// newMetrics registers the counter. Its partner is one that is configured, or empty: what a sender writes never gets
// into a label.
func newMetrics(r prometheus.Registerer, accounts []Account) *metrics {
	m := &metrics{prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "fahuo_notifications_total", Help: "Notifications received, by what became of them.",
	}, []string{"partner", "result"})}
	if r != nil {
		r.MustRegister(m.all)
	}
	// An alarm needs the 0 before the first 1: of a series that begins with 1 nothing has risen.
	for _, result := range []result{resultForeign, resultRefused} {
		m.all.WithLabelValues("", string(result))
	}
	for _, a := range accounts {
		for _, result := range results() {
			if result != resultForeign {
				m.all.WithLabelValues(a.Credentials.Partner, string(result))
			}
		}
	}
	return m
}

func (m *metrics) count(partner string, r result) { m.all.WithLabelValues(partner, string(r)).Inc() }
