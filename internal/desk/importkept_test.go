package desk_test

import (
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"fahuo/internal/ledger"
)

// Only who has handed a file over sees it, and only an operator hands one over, from the desk's own page.
func TestImportIsOnesOwn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	wang, li, look := s.as("wang", "zh"), s.as("li", "zh"), s.as("look", "zh")
	p := wang.send("a.csv", csvOf(1))
	wang.follow(p)
	for _, b := range []*browser{li, look} {
		for _, path := range []string{p.location, p.location + "/refused.csv", p.location + "/refused.xlsx"} {
			if a := b.get(path); a.status != http.StatusNotFound && a.status != http.StatusForbidden {
				t.Errorf("%s: %d", path, a.status)
			}
		}
	}
	li.post(p.location+"/confirm", nil).want(http.StatusNotFound)
	li.post(p.location+"/choose", url.Values{"account": {outlet}}).want(http.StatusNotFound)
	look.get("/import").want(http.StatusForbidden)
	look.send("a.csv", csvOf(1)).want(http.StatusForbidden)
	look.look("/").saysNot(`href="/import"`)
	wang.look("/").holds(`href="/import"`)
	wang.sendFrom(http.Header{"Sec-Fetch-Site": {"cross-site"}}, "a.csv", csvOf(1)).want(http.StatusForbidden)
	wang.do(http.MethodPost, p.location+"/confirm", nil, http.Header{"Origin": {"https://evil.example"}}).want(http.StatusForbidden)
	if s.queued() != 0 || len(s.desk.UploadDirs()) != 1 {
		t.Errorf("%d are queued, %v kept", s.queued(), s.desk.UploadDirs())
	}
	wang.get(p.location + "/refused.csv").want(http.StatusNotFound) // nothing was refused
}

// gone demands that of the kept files none is left, neither for its owner nor on the disk.
func (b *browser) gone(path string, dirs []string) {
	b.t.Helper()
	b.desk.Forgotten()
	p := b.post(path+"/confirm", nil)
	p.want(http.StatusNotFound)
	p.says("这个文件已不在这里")
	for _, dir := range dirs {
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			b.t.Errorf("%s is still there: %v", dir, err)
		}
	}
}

// A file is private while it is kept, and is forgotten at logout, when there are too many, and at the end.
func TestImportsAreForgotten(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	wang := s.as("wang", "zh")
	first := wang.send("a.csv", csvOf(1)).location
	dirs := s.desk.UploadDirs()
	for path, mode := range map[string]os.FileMode{dirs[0]: 0o700, filepath.Join(dirs[0], "file"): 0o600, filepath.Join(dirs[0], "refused"): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v %v", path, info, err)
		}
	}
	for n := range 3 {
		wang.send("a.csv", csvOf(n))
	}
	wang.gone(first, dirs)
	last, all := wang.send("a.csv", csvOf(9)).location, s.desk.UploadDirs()
	if len(all) != 3 {
		t.Errorf("%d are kept", len(all))
	}
	wang.post("/logout", nil).want(http.StatusSeeOther)
	wang = s.as("wang", "zh")
	wang.gone(last, all)
	last, all = wang.send("a.csv", csvOf(9)).location, s.desk.UploadDirs()
	s.desk.Stop()
	wang.gone(last, all)
	wang.send("a.csv", csvOf(9)).want(http.StatusServiceUnavailable)
}

// After its time a file is gone; whoever confirms it then is told, and nothing is lost or queued.
func TestImportsExpire(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.desk.ForgetUploadsAfter(time.Nanosecond)
	wang := s.as("wang", "zh")
	wang.gone(wang.send("a.csv", csvOf(1)).location, s.desk.UploadDirs())
	if s.queued() != 0 {
		t.Error("something is queued")
	}
}

// Two clicks at the very same moment import once, and both lead to the same page.
func TestConfirmedTwiceAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	wang := s.as("wang", "zh")
	at := wang.send("a.csv", csvOf(1, 2)).location
	release := s.lock()
	var clicks sync.WaitGroup
	pages := make([]*page, 2)
	for i := range pages {
		clicks.Go(func() { pages[i] = wang.post(at+"/confirm", nil) })
	}
	release()
	clicks.Wait()
	for _, p := range pages {
		wang.follow(p).counts("2", "0", "0", "0")
	}
	trail, err := s.book.Audit(t.Context(), ledger.AuditFilter{Act: ledger.ActImport}, 10)
	if err != nil || len(trail) != 1 || s.queued() != 2 {
		t.Errorf("%+v %v; %d are queued", trail, err, s.queued())
	}
}

// An import that is broken off says how far it has come, and is gone on with: in the trail it is one.
func TestImportGoesOn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	wang := s.as("wang", "en")
	p := wang.send("a.csv", csvOf(1, 2))
	mend := s.desk.BreakImports()
	broken := wang.follow(wang.post(p.location+"/confirm", nil))
	broken.says("The import was broken off, 1 row of it is in line")
	mend()
	wang.follow(wang.submit(broken, p.location+"/confirm")).counts("2", "0", "0", "0")
	trail, err := s.book.Audit(t.Context(), ledger.AuditFilter{Act: ledger.ActImport}, 10)
	if err != nil || len(trail) != 1 || s.queued() != 2 {
		t.Errorf("%+v %v; %d are queued", trail, err, s.queued())
	}
}

// Where the trail cannot be written, nothing is imported.
func TestNoImportWithoutATrail(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	wang := s.as("wang", "zh")
	at := wang.send("a.csv", csvOf(1)).location
	s.change(`CREATE TRIGGER no_trail BEFORE INSERT ON history WHEN NEW.act = 'import' BEGIN SELECT RAISE(ABORT, 'full'); END`)
	if status := wang.status(at + "/confirm"); status != http.StatusInternalServerError || s.queued() != 0 {
		t.Errorf("%d; %d are queued", status, s.queued())
	}
	s.change(`DROP TRIGGER no_trail`)
	wang.follow(wang.post(at+"/confirm", nil)).says("已导入 1 行")
}

// status is what a post is answered with, also when that is an error of the desk's.
func (b *browser) status(path string) int {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.url+path, nil)
	must(b.t, err)
	answer, err := b.client.Do(r)
	must(b.t, err)
	must(b.t, answer.Body.Close())
	return answer.StatusCode
}
