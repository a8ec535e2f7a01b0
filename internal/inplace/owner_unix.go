//go:build unix

package inplace

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// keepOwner gives a file the user and group of the one that it replaces: written by root, whoever serves by it could read it no more.
func keepOwner(f *os.File, before fs.FileInfo) error {
	mine, err := f.Stat()
	if err != nil {
		return err
	}
	was, known := before.Sys().(*syscall.Stat_t)
	is, alike := mine.Sys().(*syscall.Stat_t)
	if !known || !alike || was.Uid == is.Uid && was.Gid == is.Gid {
		return nil
	}
	if err := f.Chown(int(was.Uid), int(was.Gid)); err != nil {
		return fmt.Errorf("it is another user's or group's (%d:%d), who could read it no more: do this as that user or as root: %w", was.Uid, was.Gid, err)
	}
	return nil
}
