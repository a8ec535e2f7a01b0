package ledger_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// A neighbour that takes the lock again the moment it has given it back, as an import of a large file does,
// leaves gaps too short for somebody who looks ten times a second.
func TestAWriterIsNotStarvedBySQLitesOtherWriters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fahuo.db")
	l := open(t, "sqlite:"+path)
	other, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := other.Close(); err != nil {
			t.Error(err)
		}
	}()
	ctx, enough := context.WithCancel(t.Context())
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		for ctx.Err() == nil {
			turn, err := other.BeginTx(context.WithoutCancel(ctx), nil)
			if err != nil {
				continue
			}
			select {
			case <-time.After(5 * time.Millisecond):
			case <-ctx.Done():
			}
			if err := turn.Rollback(); err != nil {
				t.Error(err)
			}
		}
	}()
	for i := range 12 {
		if _, err := l.Accept(t.Context(), []shipment.Shipment{parcel(i)}, ledger.AcceptOptions{}); err != nil {
			t.Errorf("writer %d: %v", i, err)
			break
		}
	}
	enough()
	<-gone
}
