//go:build unix

package desk_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"fahuo/internal/desk"
)

// A users file that root changes stays the desk's: one that it could not read would leave in who was taken out.
func TestTheUsersFileStaysItsOwners(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root gives files away")
	}
	const uid, gid = 12345, 54321
	path := filepath.Join(t.TempDir(), "users.yaml")
	put := func(name string) {
		t.Helper()
		_, err := desk.PutUser(path, user(t, name, desk.Operator))
		must(t, err)
	}
	put("wang")
	must(t, os.Chown(path, uid, gid))
	must(t, os.Chmod(path, 0o640)) //nolint:gosec // as some have it
	for what, change := range map[string]func(){
		"added":    func() { put("zhao") },
		"replaced": func() { put("wang") },
		"removed":  func() { put("li"); must(t, desk.RemoveUser(path, "li")) },
	} {
		change()
		info, err := os.Stat(path)
		must(t, err)
		if is, ok := info.Sys().(*syscall.Stat_t); !ok || is.Uid != uid || is.Gid != gid || info.Mode().Perm() != 0o640 {
			t.Errorf("%s: it is %+v now", what, info.Sys())
		}
	}
}
