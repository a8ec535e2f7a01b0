package accounts

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
)

// othersMay are the permissions that a key's file must not give: anything to group or others (A2).
const othersMay fs.FileMode = 0o077

// maxSecret is far above any key's size, in bytes.
const maxSecret = 64 << 10

// PermissionError says that a key's file is open to others than its owner. Such a key is not used: whoever could
// read it may have done so.
type PermissionError struct {
	Path string
	Mode fs.FileMode
}

func (e *PermissionError) Error() string {
	return fmt.Sprintf("%s may be read or written by others than its owner (mode %04o), so the key in it is not used; "+
		"make it the worker's alone: chmod 600 %[1]s", e.Path, e.Mode.Perm())
}

// readSecret reads a file with a key in it, unless others may, too. It asks the opened file, not its name: what was
// looked at is what is read. There is no exception for containers' secrets; docs/deploy.md says how they are mounted
// for one user.
func readSecret(path string) (raw []byte, err error) {
	f, err := os.Open(path) //nolint:gosec // the operator names it
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case runtime.GOOS != "windows" && info.Mode().Perm()&othersMay != 0: // which has no such permissions
		return nil, &PermissionError{Path: path, Mode: info.Mode()}
	}
	return io.ReadAll(io.LimitReader(f, maxSecret))
}
