package worker_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/ledger"
	"fahuo/internal/proctest"
	"fahuo/internal/shipment"
	"fahuo/internal/tasks"
	"fahuo/internal/worker"
)

// What people and other programs put into the queue by hand becomes a dead letter each, with its bytes, and
// other work goes on.
func TestPoisonIsKeptAndOtherWorkGoesOn(t *testing.T) {
	t.Parallel()
	s := set(t, 20*time.Millisecond)
	client := asynq.NewClientFromRedisClient(s.belt.Redis())
	payloads := [][]byte{
		[]byte(`{"order": 7}`), []byte("not JSON"),
		{0, 255, 1, 254},
		nil, []byte(`{"partner":"2088999999999999","trade_no":"1"}`),
		[]byte(`[` + strings.Repeat(`"x",`, 5000) + `"x"]`),
	}
	for i, payload := range payloads {
		_, err := client.EnqueueContext(t.Context(), asynq.NewTask(tasks.TypeConfirm, payload), asynq.TaskID(fmt.Sprintf("by hand %d", i)),
			asynq.Queue(tasks.Queue(partner, tasks.Main)))
		s.must(err)
	}
	s.accept(parcels(3)...)
	s.start()
	s.until("everything settled", func() bool {
		return s.counts()[shipment.Shipped] == 3 && s.counts()[shipment.Dead] == int64(len(payloads))
	})
	letters, err := s.book.Dead(t.Context(), ledger.Scope{}, 100)
	s.must(err)
	for _, letter := range letters {
		if letter.Reason != shipment.ReasonBadPayload {
			t.Errorf("%+v", letter)
		}
		var n int
		_, err := fmt.Sscanf(letter.TradeNo, "task-by hand %d", &n)
		s.must(err)
		if kept := s.kept(letter.Key()); !bytes.Equal(kept, payloads[n]) {
			t.Errorf("%q is kept of %q", kept, payloads[n])
		}
	}
	s.lawful()
}

// kept is the payload that a dead letter's history holds.
func (s *scene) kept(k shipment.Key) []byte {
	s.t.Helper()
	lines, err := s.book.History(s.t.Context(), k)
	s.must(err)
	text := strings.TrimPrefix(lines[0].Detail, "a task that is no shipment: ")
	if coded, ok := strings.CutPrefix(text, "base64 "); ok {
		raw, err := base64.StdEncoding.DecodeString(coded)
		s.must(err)
		return raw
	}
	return []byte(text)
}

// Bytes that asynq itself cannot decode: they are named in an alarm, and rescue, which does not lean on asynq's
// recoverer, brings back what a dead process had in hand beside them.
func TestUndecodableNeighbours(t *testing.T) {
	t.Parallel()
	var log logbook
	registry := prometheus.NewRegistry()
	s := set(t, 20*time.Millisecond, func(o *worker.Options) {
		o.Metrics, o.Log = registry, zerolog.New(&log).Level(zerolog.ErrorLevel)
	})
	w := s.idle()
	s.accept(parcels(3)...)
	s.feed()
	queue := "asynq:{" + tasks.Queue(partner, tasks.Main) + "}:"
	garbage := func(id, list string) {
		s.redis.HSet(queue+"t:"+id, "msg", "\xff\x00 nobody's bytes", "state", list)
		_, err := s.redis.Lpush(queue+list, id)
		s.must(err)
	}
	garbage("garbage", "active")
	// The first shipment's task is garbled as well, and the second's is in nobody's hands, without a lease.
	garbled, orphan := parcel(0).Key().String(), parcel(1).Key().String()
	for _, id := range []string{garbled, orphan} {
		s.must(s.belt.Redis().LRem(t.Context(), queue+"pending", 0, id).Err())
		_, err := s.redis.Lpush(queue+"active", id)
		s.must(err)
		s.redis.HSet(queue+"t:"+id, "state", "active")
	}
	s.redis.HSet(queue+"t:"+garbled, "msg", "\xff")
	s.must(w.Rescue(t.Context()))
	s.must(w.Reload(t.Context()))
	if n := gathered(t, registry, "fahuo_undecodable_tasks"); n != 1 || !strings.Contains(log.String(), `"task":"garbage"`) || !strings.Contains(log.String(), "ship-"+partner) {
		t.Errorf("%v undecodable tasks: %s", n, log.String())
	}
	s.options.Metrics = nil // it is the idle worker's
	s.start()
	s.until("all shipped", func() bool { return s.counts()[shipment.Shipped] == 3 })
	s.lawful()
}

// A process died with tasks that the ledger had never seen, and their leases are lost: they are taken in.
func TestOrphansThatTheLedgerDoesNotKnow(t *testing.T) {
	t.Parallel()
	s := set(t, 20*time.Millisecond)
	w := s.idle()
	queue := "asynq:{" + tasks.Queue(partner, tasks.Main) + "}:"
	s.must(s.belt.Put(t.Context(), tasks.Item{Shipment: parcel(1), Line: tasks.Main}))
	client := asynq.NewClientFromRedisClient(s.belt.Redis())
	for id, payload := range map[string]string{"theirs": `{"partner":"` + partner + `","trade_no":"` + parcel(2).TradeNo + `","logistics_name":"x","transport_type":"EMS"}`, "rubbish": "rubbish"} {
		_, err := client.EnqueueContext(t.Context(), asynq.NewTask(tasks.TypeConfirm, []byte(payload)), asynq.TaskID(id), asynq.Queue(tasks.Queue(partner, tasks.Main)))
		s.must(err)
	}
	for range 3 {
		id := s.belt.Redis().LMove(t.Context(), queue+"pending", queue+"active", "RIGHT", "LEFT").Val()
		s.redis.HSet(queue+"t:"+id, "state", "active")
	}
	s.must(w.Rescue(t.Context()))
	if left, err := s.belt.Orphans(t.Context(), partner); err != nil || len(left) != 0 {
		t.Errorf("%v (%v): still there", left, err)
	}
	s.start()
	s.until("all settled", func() bool { return s.counts()[shipment.Shipped] == 2 && s.counts()[shipment.Dead] == 1 })
	s.lawful()
}

func gathered(t *testing.T, g prometheus.Gatherer, name string) float64 {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

// Redis is full in the middle of the work, and has room again: nothing is lost, nothing is called twice. One
// that evicts is warned of.
func TestAFullRedis(t *testing.T) {
	t.Parallel()
	var log logbook
	s := set(t, 20*time.Millisecond, func(o *worker.Options) {
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
	configure := func(limit, policy string) {
		s.must(redis.ConfigSet(t.Context(), "maxmemory-policy", policy).Err())
		s.must(redis.ConfigSet(t.Context(), "maxmemory", limit).Err())
	}
	configure("100mb", "allkeys-lru")
	s.accept(parcels(60)...)
	// Some answers are RETRY, so that tasks have to be put in line while there is no room.
	for n := 0; n < 60; n += 6 {
		s.gateway.Inject(alipaytest.Fault{TradeNo: parcel(n).TradeNo, Kind: alipaytest.BusyRetry})
	}
	s.start()
	s.until("some calls", func() bool { return len(s.called()) >= 10 })
	configure("1mb", "noeviction")
	s.until("Redis full, and said", func() bool { return strings.Contains(log.String(), "OOM command not allowed") })
	configure("0", "noeviction")
	s.until("all shipped", func() bool { return s.counts()[shipment.Shipped] == 60 })
	if !strings.Contains(log.String(), "throws tasks away") {
		t.Error("no warning of a Redis that evicts")
	}
	if n := len(s.called()); n != 70 {
		t.Errorf("%d ship calls for 60 shipments of which 10 were answered RETRY once", n)
	}
	s.lawful()
}
