package tasks_test

import (
	"strings"
	"testing"

	"fahuo/internal/tasks"
)

// Redis loses everything while a process goes on: what is put afterwards has to be found again.
func TestABeltThatWasWipedUnderARunningProcess(t *testing.T) {
	b, mini := connect(t)
	item := tasks.Item{Shipment: parcel(1), Line: tasks.Main}
	put(t, b, item)
	must(t, b.PutDead(t.Context(), letter(2)))
	mini.FlushAll()
	put(t, b, item)
	if has, err := b.Has(t.Context(), item); err != nil || !has {
		t.Errorf("has %v (%v): the task is in line", has, err)
	}
	if taken, err := b.IDTaken(t.Context(), item); err != nil || !taken {
		t.Errorf("taken %v (%v): the task is in line", taken, err)
	}
	must(t, b.PutDead(t.Context(), letter(2)))
	must(t, b.RemoveDead(t.Context(), parcel(2).Key()))
	must(t, b.Publish(t.Context(), []string{partner}))
	if n := mini.Exists("asynq:queues"); !n {
		t.Error("asynq's tools do not see the queues")
	}
	if there, err := b.Dead(t.Context()); err != nil || len(there) != 0 {
		t.Errorf("%v (%v): removed and still there", there, err)
	}
}

// A password with a character that ends the authority of an address is taken for a port, and the error names it.
func TestAPasswordWithASlashIsNotShown(t *testing.T) {
	for _, address := range []string{"rediss://:geheim#x@h:1", "redis://:geheim/x@h:1", "redis-sentinel://:geheim?x@h:1/?master=m", "redis-cluster://:ge@heim"} {
		if err := tasks.Check(address); err == nil || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: %v", address, err)
		}
	}
}
