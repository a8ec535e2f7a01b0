package check

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/ratelimit"
	"fahuo/internal/tasks"
)

// awayAfter is how long ledger and Redis are given to answer at all.
const awayAfter = 10 * time.Second

// openLedger opens the ledger, and makes it where there is none: a check is the first that there is to record (R3).
// The step itself follows later.
func (r *run) openLedger(ctx context.Context) {
	if r.o.Ledger == "" {
		r.skip(Ledger, "", "its address is wrong; see configuration")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, awayAfter)
	defer cancel()
	existing, err := ledger.OpenExisting(ctx, r.o.Ledger)
	if err == nil {
		r.book = existing
		return
	}
	if r.book, err = ledger.Open(ctx, r.o.Ledger); err != nil {
		r.fail(Ledger, "", err.Error(), "bring it up, or correct --ledger (DATABASE_URL); until then no worker works, and this check records nothing")
		return
	}
	r.isNew = true
}

// slowCommit is how slow a commit may be before somebody should look; twice that long it does not fit into the
// write window (worker).
const slowCommit = ratelimit.MinWindow / 4

// ledger reports on an open ledger.
func (r *run) ledger(ctx context.Context) {
	if r.book == nil {
		return
	}
	f, err := r.book.Inspect(ctx)
	if err != nil {
		r.fail(Ledger, "", r.book.URL()+": "+err.Error(), "look at the database and at its disk: a worker cannot write either")
		return
	}
	text := fmt.Sprintf("%s: %s %s, %s, a commit takes %v", r.book.URL(), f.Database, f.Version, bytes(f.Size), f.Commit.Round(100*time.Microsecond))
	var notes []string
	if r.isNew {
		notes = append(notes, "it was not there and has been made now; if a worker runs already, its ledger is another one: give this check the worker's --ledger (DATABASE_URL)")
	}
	name, remote := r.fileSystem(f.File)
	switch {
	case remote:
		r.fail(Ledger, "", text+"; its file is on "+name+", a network file system, whose locks cannot be relied upon",
			"move the file to a local disk, or use PostgreSQL")
	case f.Unsafe == "synchronous_commit=off":
		r.fail(Ledger, "", text+"; "+f.Unsafe+": what is committed can be forgotten", "take it out of the address, or set it on for the role: what is said to be recorded must be")
	case !f.Supported:
		r.fail(Ledger, "", text+": too old", "use PostgreSQL 13 or later")
	case f.Commit > 2*slowCommit:
		r.fail(Ledger, "", text+", too slow for the write window", "use a faster disk, or bring the database nearer; see fahuo_ledger_seconds")
	default:
		if f.Unsafe != "" {
			notes = append(notes, f.Unsafe+": a power cut can destroy the ledger; set it on")
		}
		if f.Slowest > slowCommit {
			notes = append(notes, fmt.Sprintf("the slowest of its commits took %v", f.Slowest.Round(time.Millisecond)))
		}
		r.pass(Ledger, "", text, notes...)
	}
}

// fileSystem is the kind of file system of a path, if that is known.
func (r *run) fileSystem(path string) (name string, remote bool) {
	if path == "" || r.o.Host == nil {
		return "", false
	}
	name, remote, err := r.o.Host.FileSystem(filepath.Dir(path))
	return name, remote && err == nil
}

// Of a disk's free space.
const (
	fewBytes  = 256 << 20
	manyBytes = 1 << 30
)

func (r *run) disk() {
	file, ok := strings.CutPrefix(r.o.Ledger, "sqlite:")
	if r.o.Host == nil || !ok {
		r.skip(Disk, "", "nothing of the worker's is on a disk of this host")
		return
	}
	path := filepath.Dir(file)
	if full, err := filepath.Abs(path); err == nil {
		path = full
	}
	free, err := r.o.Host.Free(path)
	text := fmt.Sprintf("%s are free where %s is", bytes(int64(min(free, 1<<62))), path)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		r.skip(Disk, "", "this system does not tell how full its disks are")
	case err != nil:
		r.fail(Disk, "", err.Error(), "does the directory exist, and may this user look at it?")
	case free < fewBytes:
		r.fail(Disk, "", text, "make room: a ledger that cannot grow records nothing, and then nothing is called")
	case free < manyBytes:
		r.pass(Disk, "", text, "little is left; a shipment takes about 3 KiB, records of calls included")
	default:
		r.pass(Disk, "", text)
	}
}

// oldestRedis is the first version that asynq works with.
const oldestRedis = 4

func (r *run) redis(ctx context.Context) {
	switch r.o.Redis {
	case "":
		r.skip(Redis, "", "its address is wrong; see configuration")
		return
	case tasks.Embedded:
		r.skip(Redis, "", "embedded: it is inside the worker, and there only while that runs; it keeps nothing, is loaded from the ledger, and serves one worker. "+
			"Several workers, or a day's queue that should not be loaded again after a restart: a real one (--redis, REDIS_URL)")
		return
	}
	belt, err := tasks.Connect(r.o.Redis, r.o.Embedded)
	if err != nil {
		r.fail(Redis, "", err.Error(), "correct --redis (REDIS_URL)")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, awayAfter)
	defer cancel()
	f, err := belt.Facts(ctx)
	if err == nil && r.book != nil {
		_, err = belt.Claim(ctx, r.book.Identity(), r.book.URL())
	}
	switch err = errors.Join(err, belt.Close()); {
	case errors.Is(err, tasks.ErrForeign):
		r.fail(Redis, "", err.Error(), "give both of one ledger; docs/operations.md: a Redis for another ledger")
	case err != nil:
		r.fail(Redis, "", belt.URL()+" does not answer: "+err.Error(), "bring it up, or correct --redis (REDIS_URL); workers wait for it")
	default:
		r.judgeRedis(belt.URL(), f)
	}
}

// judgeRedis fails what makes the belt useless or lose single tasks. That it may be lost as a whole is no fault: it is
// loaded again.
func (r *run) judgeRedis(url string, f tasks.Facts) {
	major, _, _ := strings.Cut(f.Version, ".")
	version, err := strconv.Atoi(major)
	text := fmt.Sprintf("%s: version %s, %s used", url, f.Version, bytes(f.UsedMemory))
	if f.MaxMemory > 0 {
		text += " of " + bytes(f.MaxMemory)
	}
	var notes []string
	switch {
	case err == nil && version < oldestRedis:
		r.fail(Redis, "", text+": too old", "use version 7 or later")
	case f.Replica:
		r.fail(Redis, "", text+"; it is a replica and takes no writes", "name the master, or use redis-sentinel://")
	case f.Policy != "" && f.Policy != tasks.NoEviction:
		r.fail(Redis, "", text+"; maxmemory-policy is "+f.Policy+": it throws single tasks away", "set maxmemory-policy noeviction")
	case f.MaxMemory > 0 && f.UsedMemory > f.MaxMemory/10*9:
		r.fail(Redis, "", text+": nearly full", "raise maxmemory; when it is full nothing can be put in line")
	case f.Broken != "":
		r.fail(Redis, "", text+"; "+f.Broken, "look at its log and its disk: with stop-writes-on-bgsave-error it takes no writes")
	default:
		switch {
		case !f.AppendOnly && !f.Snapshots:
			notes = append(notes, "it keeps nothing over a restart; set appendonly yes, which spares loading the queue again")
		case !f.AppendOnly:
			notes = append(notes, "it keeps snapshots only; appendonly yes spares loading the queue again")
		}
		r.pass(Redis, "", text, notes...)
	}
}

// bytes is a size for people.
func bytes(n int64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	size, exp := float64(n)/unit, 0
	for size >= unit && exp < 4 {
		size /= unit
		exp++
	}
	return fmt.Sprintf("%.1f %ciB", size, "KMGTP"[exp])
}
