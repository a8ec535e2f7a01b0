package desk

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// How many files are kept until somebody confirms or forgets them, and how long. They are this process's alone.
const (
	uploadsEach = 3 // the oldest of a person's makes room
	uploadsMost = 20
	uploadKept  = 30 * time.Minute
)

// uploads are the files that people have handed over and not taken back. What is forgotten is gone from the disk.
type uploads struct {
	mu      sync.Mutex
	all     map[string]*upload
	stopped bool
	kept    time.Duration
	leaving sync.WaitGroup // those that are being removed
	reading chan struct{}  // two at a time: a large file takes much memory while it is read
}

func newUploads() *uploads {
	return &uploads{all: make(map[string]*upload), kept: uploadKept, reading: make(chan struct{}, 2)}
}

// upload is a file that somebody has handed over, and how far it has come. Whoever holds busy has it to himself.
type upload struct {
	token, user string
	name        string // as the browser calls it
	began       time.Time
	timer       *time.Timer

	busy    sync.Mutex
	dir     string // of its own; empty: forgotten
	file    file
	found   tally // by the dry run; by the import once it is done
	fault   error // instead of that
	entered bool  // the import stands in the audit trail
	done    bool  // it has been imported
}

func (u *upload) path() string    { return filepath.Join(u.dir, "file") }
func (u *upload) refused() string { return filepath.Join(u.dir, "refused") }

var (
	errFull     = &problem{503, "import.full"}
	errStopping = &problem{503, "error.stopping"}
)

// add makes room for a file of somebody's: an empty directory that only this user can read.
func (s *uploads) add(user string) (*upload, error) {
	dir, err := os.MkdirTemp("", "fahuo-desk-*")
	if err != nil {
		return nil, err
	}
	u := &upload{token: rand.Text(), user: user, dir: dir, began: time.Now()}
	if err := s.take(u); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return u, nil
}

func (s *uploads) take(u *upload) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var oldest *upload
	mine := 0
	for _, other := range s.all {
		if other.user != u.user {
			continue
		}
		if mine++; oldest == nil || other.began.Before(oldest.began) {
			oldest = other
		}
	}
	switch {
	case s.stopped:
		return errStopping
	case mine >= uploadsEach:
		s.remove(oldest)
	case len(s.all) >= uploadsMost:
		return errFull
	}
	s.all[u.token] = u
	u.timer = time.AfterFunc(s.kept, func() { s.drop(u) })
	return nil
}

// find is somebody's file; nil when it is not there, or not his.
func (s *uploads) find(token, user string) *upload {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.all[token]; u != nil && u.user == user {
		return u
	}
	return nil
}

// forget removes all that somebody has handed over.
func (s *uploads) forget(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, u := range s.all {
		if u.user == user {
			s.remove(u)
		}
	}
}

// stop removes everything and takes nothing more. It waits for what is being read.
func (s *uploads) stop() {
	s.mu.Lock()
	s.stopped = true
	for _, u := range s.all {
		s.remove(u)
	}
	s.mu.Unlock()
	s.leaving.Wait()
}

// remove takes a file out of the list at once, and from the disk when nobody reads it any more. The caller holds mu.
func (s *uploads) remove(u *upload) {
	if s.all[u.token] != u {
		return
	}
	delete(s.all, u.token)
	u.timer.Stop()
	s.leaving.Go(func() {
		u.busy.Lock()
		defer u.busy.Unlock()
		_ = os.RemoveAll(u.dir) // a temporary directory; what is left of it is the system's to remove
		u.dir = ""
	})
}

// drop removes one file.
func (s *uploads) drop(u *upload) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(u)
}

// renew keeps a file for another while.
func (s *uploads) renew(u *upload) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all[u.token] == u {
		u.timer.Reset(s.kept)
	}
}
