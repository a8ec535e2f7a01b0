//go:build unix

package inplace_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"fahuo/internal/inplace"
)

// A file stays whose it was, and those who could read it can; a new one is the writer's alone.
func TestAFileStaysItsOwners(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root gives files away")
	}
	const user, group = 12345, 54321
	dir := t.TempDir()
	path := filepath.Join(dir, "list.yaml")
	is := func(text string, uid, gid int, mode os.FileMode) {
		t.Helper()
		if err := inplace.Write(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if sys, ok := info.Sys().(*syscall.Stat_t); err != nil || string(got) != text || !ok || int(sys.Uid) != uid || int(sys.Gid) != gid || info.Mode().Perm() != mode {
			t.Errorf("%q %v, it is %+v", got, err, info.Sys())
		}
	}
	is("one", os.Getuid(), os.Getgid(), 0o600)
	if err := os.Chown(path, user, group); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o660); err != nil { //nolint:gosec // as some have it
		t.Fatal(err)
	}
	is("two", user, group, 0o640)
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("%v %v", left, err)
	}
}
