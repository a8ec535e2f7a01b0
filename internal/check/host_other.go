//go:build !linux

package check

import "errors"

// ThisHost is the machine that the program runs on; of this system nothing is known.
type ThisHost struct{}

var _ Host = ThisHost{}

// Free implements Host.
func (ThisHost) Free(string) (uint64, error) { return 0, errors.ErrUnsupported }

// FileSystem implements Host.
func (ThisHost) FileSystem(string) (string, bool, error) { return "", false, errors.ErrUnsupported }

// OpenFiles implements Host.
func (ThisHost) OpenFiles() (uint64, error) { return 0, errors.ErrUnsupported }

// Synchronized implements Host.
func (ThisHost) Synchronized() (bool, error) { return false, errors.ErrUnsupported }
