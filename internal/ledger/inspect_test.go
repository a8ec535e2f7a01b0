package ledger_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/proctest"
)

func testInspectLooksAndMeasures(t *testing.T) {
	l := book(t)
	for range 2 { // it may be repeated
		f, err := l.Inspect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if f.Version == "" || f.Size < 4096 || !f.Supported || f.Commit <= 0 || f.Slowest < f.Commit {
			t.Errorf("%+v", f)
		}
		switch f.Database {
		case "SQLite":
			if "sqlite:"+f.File != l.URL() || !f.Durable || f.Unsafe != "" {
				t.Errorf("%+v of %s", f, l.URL())
			}
		case "PostgreSQL":
			if f.File != "" || f.Durable || f.Unsafe != "fsync=off" { // so the tests' server runs
				t.Errorf("%+v", f)
			}
		default:
			t.Errorf("%+v", f)
		}
	}
}

func testTheLastCallWithAVerdict(t *testing.T) {
	l := book(t)
	at := func(service, verdict string) time.Time {
		t.Helper()
		at, err := l.LastCall(t.Context(), partner, service, verdict, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	if at("ship", "succeeded") != (time.Time{}) {
		t.Error("a call that was never made")
	}
	for _, verdict := range []string{"succeeded", "busy"} {
		if err := l.RecordQuery(t.Context(), parcel(1).Key(), "ship", "w", "{}", ledger.Answer{Verdict: verdict}); err != nil {
			t.Fatal(err)
		}
	}
	found := at("ship", "succeeded")
	if d := now(t, l).Sub(found); d < 0 || d > time.Minute {
		t.Errorf("%v", found)
	}
	if at("ship", "unknown") != (time.Time{}) || at("query", "succeeded") != (time.Time{}) {
		t.Error("another verdict, another service")
	}
}

// What makes commits unsafe is named, however it was set.
func TestInspectNamesUnsafeCommits(t *testing.T) {
	url := proctest.Postgres(t)
	l, err := ledger.Open(t.Context(), url+"&synchronous_commit=off")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	f, err := l.Inspect(t.Context())
	if err != nil || f.Durable || f.Unsafe != "synchronous_commit=off" {
		t.Errorf("%+v, %v", f, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Inspect(ctx); err == nil || !strings.Contains(err.Error(), "ledger") {
		t.Errorf("cut off: %v", err)
	}
}
