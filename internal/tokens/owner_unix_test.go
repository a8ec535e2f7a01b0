//go:build unix

package tokens_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A file that root changes stays the server's.
func TestTheFileStaysItsOwners(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root gives files away")
	}
	const user, group = 12345, 54321
	path := filepath.Join(t.TempDir(), "tokens.yaml")
	issue(t, path, "shop")
	if err := os.Chown(path, user, group); err != nil {
		t.Fatal(err)
	}
	issue(t, path, "mall")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if is, ok := info.Sys().(*syscall.Stat_t); !ok || is.Uid != user || is.Gid != group || info.Mode().Perm() != 0o600 {
		t.Errorf("it is %+v now", info.Sys())
	}
}
