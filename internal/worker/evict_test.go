package worker_test

import (
	"context"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/proctest"
	"fahuo/internal/shipment"
	"fahuo/internal/tasks"
	"fahuo/internal/worker"
)

// A Redis that is set up wrongly throws keys away in the middle of the work: tasks, whole queues, what the belt
// knows of itself. It is warned of, and everything is shipped once all the same.
func TestARedisThatEvicts(t *testing.T) {
	t.Parallel()
	const many, retried = 60, 6
	var log logbook
	s := set(t, 200*time.Millisecond, func(o *worker.Options) {
		belt, err := tasks.Connect("redis://"+proctest.Redis(t), "")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := belt.Close(); err != nil {
				t.Error(err)
			}
		})
		o.Belt, o.Log = belt, zerolog.New(&log).Level(zerolog.WarnLevel)
	})
	redis := s.options.Belt.Redis()
	configure := func(name, value string) { s.must(redis.ConfigSet(t.Context(), name, value).Err()) }
	info := func(section, name string) int {
		text, err := redis.Info(t.Context(), section).Result()
		s.must(err)
		n, err := strconv.Atoi(regexp.MustCompile(name + `:(\d+)`).FindStringSubmatch(text)[1])
		s.must(err)
		return n
	}
	s.accept(parcels(many)...)
	for n := 0; n < many; n += many / retried {
		s.gateway.Inject(alipaytest.Fault{TradeNo: parcel(n).TradeNo, Kind: alipaytest.BusyRetry})
	}
	configure("maxmemory-policy", "allkeys-lru")
	configure("maxmemory", "1gb") // else there is nothing to warn of
	w, err := worker.New(s.options)
	s.must(err)
	w.Start()
	t.Cleanup(func() { s.must(w.Stop(context.Background())) })
	s.until("some calls", func() bool { return len(s.called()) >= 10 })
	// Less than there is, again and again: half of a queue in the end, and anything that lies beside it.
	s.until("evicted", func() bool {
		configure("maxmemory", strconv.Itoa(info("memory", "used_memory")-16<<10))
		return info("stats", "evicted_keys") >= 20
	})
	called := len(s.called())
	configure("maxmemory", "0")
	compared := time.Now()
	s.until("all shipped", func() bool {
		if time.Since(compared) > 5*time.Second { // the worker itself does it every minute
			s.must(w.Reload(t.Context()))
			compared = time.Now()
		}
		return s.counts()[shipment.Shipped] == many
	})
	if n := len(s.called()); n != many+retried {
		t.Errorf("%d ship calls for %d shipments of which %d were answered RETRY once", n, many, retried)
	}
	if called > many*2/3 {
		t.Errorf("evicted when %d calls had been made: too late to matter", called)
	}
	if !strings.Contains(log.String(), "throws tasks away") {
		t.Error("no warning of a Redis that evicts")
	}
	s.lawful()
}
