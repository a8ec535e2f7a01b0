package check

import (
	"fmt"
	"syscall"
)

// ThisHost is the machine that the program runs on.
type ThisHost struct{}

var _ Host = ThisHost{}

// Free implements Host.
func (ThisHost) Free(path string) (uint64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	return s.Bavail * uint64(s.Bsize), nil //nolint:gosec // a block's size is not negative
}

// remotes are file systems whose files are on another machine, by the magic numbers of statfs(2).
var remotes = map[uint32]string{
	0x6969: "NFS", 0x517B: "SMB", 0xFF534D42: "CIFS", 0xFE534D42: "SMB2", 0x5346414F: "AFS", 0x00C36400: "Ceph", 0x0BD00BD0: "Lustre",
	0x73757245: "Coda",
}

// FileSystem implements Host.
func (ThisHost) FileSystem(path string) (name string, remote bool, err error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return "", false, fmt.Errorf("%s: %w", path, err)
	}
	name, remote = remotes[uint32(s.Type)] //nolint:gosec // magic numbers have 32 bits
	return name, remote, nil
}

// OpenFiles implements Host.
func (ThisHost) OpenFiles() (uint64, error) {
	var limit syscall.Rlimit
	err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
	return limit.Cur, err
}

// unsynchronized is STA_UNSYNC of adjtimex(2).
const unsynchronized = 0x40

// Synchronized implements Host.
func (ThisHost) Synchronized() (bool, error) {
	var t syscall.Timex
	if _, err := syscall.Adjtimex(&t); err != nil {
		return false, err
	}
	return t.Status&unsynchronized == 0, nil
}
