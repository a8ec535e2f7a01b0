//go:build !unix

package inplace

import (
	"io/fs"
	"os"
)

// keepOwner has nothing to keep: files have no user and group here.
func keepOwner(*os.File, fs.FileInfo) error { return nil }
