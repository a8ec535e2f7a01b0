// Package inplace writes files that a running server reads again whenever they change: its tokens, its users. They are
// replaced at once, and stay the server's, whoever writes them.
package inplace

import (
	"errors"
	"os"
	"path/filepath"
)

// Write replaces a file: whoever reads it finds the old or the new one. The new one has the user and the group of the
// old one and may be read by the same, or else nothing is done; nobody but the owner may write it. One that was not there
// is the writer's alone (0600).
func Write(path string, text []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if before, statErr := os.Stat(path); statErr == nil {
		err = errors.Join(keepOwner(f, before), f.Chmod(before.Mode().Perm()&^0o022))
	}
	_, writeErr := f.Write(text)
	if err = errors.Join(err, writeErr, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
