package tasks_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/hibiken/asynq"
	"go.uber.org/goleak"

	"fahuo/internal/shipment"
	"fahuo/internal/tasks"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const partner = "2088000000000001"

func parcel(n int) shipment.Shipment {
	return shipment.Shipment{
		Partner: partner, TradeNo: fmt.Sprintf("%028d", n), LogisticsName: "顺丰", InvoiceNo: "SF1",
		TransportType: shipment.TransportExpress, OrderRef: "A-1", Batch: "b1",
	}
}

func connect(t *testing.T) (*tasks.Belt, *miniredis.Miniredis) {
	t.Helper()
	mini := miniredis.RunT(t)
	b, err := tasks.Connect("redis://"+mini.Addr(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b, mini
}

func put(t *testing.T, b *tasks.Belt, items ...tasks.Item) {
	t.Helper()
	for _, i := range items {
		if err := b.Put(t.Context(), i); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNamesAreTheContract(t *testing.T) {
	for line, want := range map[tasks.Line]string{
		tasks.Urgent: "ship-2088000000000001-urgent", tasks.Retry: "ship-2088000000000001-retry", tasks.Main: "ship-2088000000000001",
	} {
		if got := tasks.Queue(partner, line); got != want {
			t.Errorf("queue %q, want %q", got, want)
		}
	}
	if id := (tasks.Item{Shipment: parcel(7), Line: tasks.Retry, N: 3}).ID(); id != partner+":"+parcel(7).TradeNo+"#3" {
		t.Errorf("retry id %q", id)
	}
	q := tasks.Queues(partner)
	if q[tasks.Queue(partner, tasks.Urgent)] <= q[tasks.Queue(partner, tasks.Retry)] || q[tasks.Queue(partner, tasks.Retry)] <= q[tasks.Queue(partner, tasks.Main)] {
		t.Errorf("priorities %v", q)
	}
}

func TestParseID(t *testing.T) {
	k, n, err := tasks.ParseID("2088000000000001:123#42")
	if err != nil || n != 42 || k != (shipment.Key{Partner: partner, TradeNo: "123"}) {
		t.Fatal(k, n, err)
	}
	for _, bad := range []string{"", "x", ":1", "1:", "1:2#x", "1:2#", "1:2\x00", "1:2\x00#1", "1:" + strings.Repeat("2", 6000)} {
		if _, _, err := tasks.ParseID(bad); err == nil {
			t.Errorf("ParseID(%q) is accepted", bad)
		}
	}
}

func TestPutIsSeenByAsynqAsTheContractSays(t *testing.T) {
	b, mini := connect(t)
	put(t, b, tasks.Item{Shipment: parcel(1), Line: tasks.Main}, tasks.Item{Shipment: parcel(1), Line: tasks.Main})
	inspector := asynq.NewInspector(asynq.RedisClientOpt{Addr: mini.Addr()})
	defer func() { _ = inspector.Close() }()
	list, err := inspector.ListPendingTasks("ship-" + partner)
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	task := list[0]
	if task.ID != partner+":"+parcel(1).TradeNo || task.Type != "shipment:confirm" || task.MaxRetry < 1<<30 || task.Timeout < 24*365*time.Hour || !task.Deadline.IsZero() {
		t.Errorf("%+v", task)
	}
	var fields map[string]any
	if err := json.Unmarshal(task.Payload, &fields); err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Split("partner trade_no logistics_name invoice_no transport_type create_transport_type seller_ip order_ref batch", " ") {
		if _, ok := fields[name]; !ok {
			t.Errorf("the payload lacks %s: %s", name, task.Payload)
		}
	}
	if back, err := tasks.ParsePayload(task.Payload); err != nil || back != parcel(1) {
		t.Errorf("%+v %v", back, err)
	}
	if _, err := tasks.ParsePayload([]byte("no json")); err == nil {
		t.Error("a payload that is no JSON is accepted")
	}
}

func TestALaterItemIsNotEarly(t *testing.T) {
	b, mini := connect(t)
	at := time.Now().Add(time.Hour).Truncate(time.Second).Add(700 * time.Millisecond)
	put(t, b, tasks.Item{Shipment: parcel(1), Line: tasks.Retry, N: 2, At: at})
	inspector := asynq.NewInspector(asynq.RedisClientOpt{Addr: mini.Addr()})
	defer func() { _ = inspector.Close() }()
	list, err := inspector.ListScheduledTasks(tasks.Queue(partner, tasks.Retry))
	if err != nil || len(list) != 1 || list[0].NextProcessAt.Before(at) {
		t.Fatalf("%+v %v, want not before %v", list, err, at)
	}
}

func TestDeadLetterIsReplacedAndRemoved(t *testing.T) {
	b, mini := connect(t)
	d := tasks.DeadLetter{Shipment: parcel(1), Reason: shipment.ReasonTradeNotExist, ErrorCode: "TRADE_NOT_EXIST", At: time.Now()}
	for _, status := range []string{"", "TRADE_CLOSED"} {
		d.TradeStatus = status
		if err := b.PutDead(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	inspector := asynq.NewInspector(asynq.RedisClientOpt{Addr: mini.Addr()})
	defer func() { _ = inspector.Close() }()
	list, err := inspector.ListPendingTasks("dead-letter")
	if err != nil || len(list) != 1 || list[0].Type != "shipment:dead" || list[0].ID != parcel(1).Key().String() {
		t.Fatal(list, err)
	}
	var got tasks.DeadLetter
	if err := json.Unmarshal(list[0].Payload, &got); err != nil || got.TradeStatus != "TRADE_CLOSED" {
		t.Fatal(got, err)
	}
	there, err := b.Dead(t.Context())
	if err != nil || there[parcel(1).Key()] != tasks.Present {
		t.Fatal(there, err)
	}
	for range 2 {
		if err := b.RemoveDead(t.Context(), parcel(1).Key()); err != nil {
			t.Fatal(err)
		}
	}
	if there, err = b.Dead(t.Context()); err != nil || len(there) != 0 {
		t.Fatal(there, err)
	}
}

func TestSnapshotSeesEveryPlace(t *testing.T) {
	b, mini := connect(t)
	for n := range 12000 { // more than two pages
		if n%3000 == 0 || n == 11999 {
			put(t, b, tasks.Item{Shipment: parcel(n), Line: tasks.Main})
			continue
		}
		if _, err := mini.Lpush("asynq:{ship-"+partner+"}:pending", parcel(n).Key().String()); err != nil {
			t.Fatal(err)
		}
	}
	put(t, b,
		tasks.Item{Shipment: parcel(20001), Line: tasks.Urgent},
		tasks.Item{Shipment: parcel(20002), Line: tasks.Retry, N: 1},
		tasks.Item{Shipment: parcel(20003), Line: tasks.Retry, N: 1, At: time.Now().Add(time.Hour)})
	s, err := b.Snapshot(t.Context(), partner)
	if err != nil || s.Len() != 12003 {
		t.Fatalf("%d shipments, %v", s.Len(), err)
	}
	for _, n := range []int{0, 1, 4999, 5000, 11999, 20001, 20002, 20003} {
		if s.At(parcel(n).Key()) != tasks.Present {
			t.Errorf("shipment %d is not seen", n)
		}
	}
	if s.At(parcel(30000).Key()) != tasks.Nowhere {
		t.Error("a shipment is seen that was never put")
	}
}

// take lets a real asynq server take the one task in line, and returns when it has it in hand; release
// ends the handler.
func take(t *testing.T, addr string) (release func()) {
	t.Helper()
	has, let := make(chan struct{}), make(chan struct{})
	server := asynq.NewServer(asynq.RedisClientOpt{Addr: addr}, asynq.Config{
		Concurrency: 1, Queues: tasks.Queues(partner), LogLevel: asynq.FatalLevel, TaskCheckInterval: 10 * time.Millisecond,
	})
	err := server.Start(asynq.HandlerFunc(func(context.Context, *asynq.Task) error {
		close(has)
		<-let
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	<-has
	return func() { close(let); server.Shutdown() }
}

// The layout of asynq's keys is leaned on here; this is the canary.
func TestOrphansAreTasksWithoutALivingLease(t *testing.T) {
	b, mini := connect(t)
	item := tasks.Item{Shipment: parcel(1), Line: tasks.Main}
	put(t, b, item)
	release := take(t, mini.Addr())
	defer release()
	check := func(want tasks.Where, has bool, orphans int) {
		t.Helper()
		s, err := b.Snapshot(t.Context(), partner)
		if err != nil || s.At(item.Key()) != want {
			t.Errorf("snapshot says %v (%v), want %v", s.At(item.Key()), err, want)
		}
		if got, err := b.Has(t.Context(), item); err != nil || got != has {
			t.Errorf("has %v (%v), want %v", got, err, has)
		}
		if list, err := b.Orphans(t.Context(), partner); err != nil || len(list) != orphans {
			t.Errorf("orphans %v (%v), want %d", list, err, orphans)
		}
	}
	check(tasks.Present, true, 0)
	lease := "asynq:{ship-" + partner + "}:lease"
	if _, err := mini.ZAdd(lease, float64(time.Now().Add(-time.Second).Unix()), item.ID()); err != nil { // back-dated: its process is gone
		t.Fatal(err)
	}
	check(tasks.Orphaned, false, 1)
	mini.Del(lease) // evicted
	check(tasks.Orphaned, false, 1)
	put(t, b, tasks.Item{Shipment: parcel(1), Line: tasks.Retry, N: 2})
	if s, err := b.Snapshot(t.Context(), partner); err != nil || s.At(item.Key()) != tasks.Present {
		t.Errorf("a second task is not seen: %v %v", s, err)
	}
	if _, err := mini.ZAdd(lease, float64(time.Now().Add(time.Minute).Unix()), item.ID()); err != nil {
		t.Fatal(err)
	}
}

func TestClaimRefusesAnotherLedgersBelt(t *testing.T) {
	b, mini := connect(t)
	if id, err := b.Claim(t.Context(), "one", "sqlite:/a.db"); err != nil || id != "" {
		t.Fatal(id, err)
	}
	marked := ""
	for range 2 {
		id, err := b.Mark(t.Context(), "one", "sqlite:/a.db")
		if err != nil || id == "" || (marked != "" && marked != id) {
			t.Fatal(id, marked, err)
		}
		marked = id
	}
	if id, err := b.Claim(t.Context(), "one", "sqlite:/a.db"); err != nil || id != marked {
		t.Fatal(id, err)
	}
	_, err := b.Claim(t.Context(), "two", "sqlite:/b.db")
	if !errors.Is(err, tasks.ErrForeign) || !strings.Contains(err.Error(), "/a.db") || !strings.Contains(err.Error(), "/b.db") {
		t.Fatal(err)
	}
	if _, err := b.Mark(t.Context(), "two", "sqlite:/b.db"); !errors.Is(err, tasks.ErrForeign) {
		t.Fatal(err)
	}
	mini.FlushAll()
	if id, err := b.Claim(t.Context(), "one", "sqlite:/a.db"); err != nil || id != "" {
		t.Fatal("a wiped belt is not noticed", id, err)
	}
}

// Half a marker, which a wiped Redis may leave in the hands of one who writes it, names no ledger: whoever comes first
// marks the belt anew, and the other one is refused. Half a one that names a ledger is that ledger's.
func TestHalfAMarkerIsNobodys(t *testing.T) {
	b, mini := connect(t)
	mini.HSet("fahuo:ledger", "id", "left over", "url", "sqlite:/a.db")
	for _, identity := range []string{"one", "two"} {
		if id, err := b.Claim(t.Context(), identity, "sqlite:/a.db"); err != nil || id != "" {
			t.Errorf("%s: %q %v", identity, id, err)
		}
	}
	id, err := b.Mark(t.Context(), "one", "sqlite:/a.db")
	if err != nil || id == "" || id == "left over" {
		t.Errorf("%q %v", id, err)
	}
	if _, err := b.Claim(t.Context(), "two", "sqlite:/b.db"); !errors.Is(err, tasks.ErrForeign) {
		t.Errorf("%v", err)
	}
	mini.HDel("fahuo:ledger", "id")
	if _, err := b.Mark(t.Context(), "two", "sqlite:/b.db"); !errors.Is(err, tasks.ErrForeign) {
		t.Errorf("%v", err)
	}
	if id, err := b.Mark(t.Context(), "one", "sqlite:/a.db"); err != nil || id == "" {
		t.Errorf("%q %v", id, err)
	}
}

func TestConnectAddresses(t *testing.T) {
	for _, good := range []string{
		"embedded", "redis://127.0.0.1:6379/2", "rediss://user:pw@redis.example.com:6380", "redis-cluster://h1:1,h2:2",
		"redis-cluster://u:p@h1:1", "redis-sentinel://h1:26379,h2:26379/?master=mymaster",
	} {
		if err := tasks.Check(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"", "127.0.0.1:6379", "http://x", "redis://:secret@h:port", "redis-cluster://h1", "redis-sentinel://%zz"} {
		err := tasks.Check(bad)
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	b, err := tasks.Connect("redis://:secret@127.0.0.1:1", "")
	if err != nil || strings.Contains(b.URL(), "secret") {
		t.Fatal(b.URL(), err)
	}
	if err := b.Ping(t.Context()); err == nil {
		t.Error("nothing listens there")
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

func TestEmbeddedIsForThisMachineOnly(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":0", "192.0.2.1:0", "nowhere"} {
		if s, err := tasks.StartEmbedded(addr); err == nil {
			t.Errorf("it listens at %s", s.Addr())
		}
	}
}

func TestEmbeddedLetsKeysExpire(t *testing.T) {
	s, err := tasks.StartEmbedded("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	if _, err := tasks.StartEmbedded(s.Addr()); err == nil {
		t.Error("two listen at one address")
	}
	b, err := tasks.Connect(tasks.Embedded, s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	if err := b.Redis().Set(t.Context(), "k", "v", time.Second).Err(); err != nil {
		t.Fatal(err)
	}
	for b.Redis().Exists(t.Context(), "k").Val() == 1 {
		if t.Context().Err() != nil {
			t.Fatal("the key does not expire")
		}
	}
}

func TestArchivedIsCounted(t *testing.T) {
	b, mini := connect(t)
	if _, err := mini.ZAdd("asynq:{ship-"+partner+"-retry}:archived", 1, "x"); err != nil {
		t.Fatal(err)
	}
	if n, err := b.Archived(t.Context(), []string{partner}); err != nil || n != 1 {
		t.Fatal(n, err)
	}
}
