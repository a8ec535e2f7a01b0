package accounts

import (
	"regexp"
	"strings"
)

// likeKey is what looks like a key: Alipay's MD5 keys are 32 letters and digits, the base64 of an RSA key
// begins with MII.
var likeKey = regexp.MustCompile(`MII[A-Za-z0-9+/=\\\s]{29,}|[A-Za-z0-9]{32,}`)

// discreet hides in an error what looks like a key (A2). Errors name the values that are wrong, and a key
// may be one: put where the name of its file belongs, or the partner, or under a field that does not exist.
// The accounts file's own path is left as it is, and so are those of files that are there and open to others: whoever
// is told to change a file's permissions has to read its name.
func (s Source) discreet(err error) error {
	if err == nil {
		return nil
	}
	paths := strings.Join(append(openFiles(err), s.File), "\n")
	shown := likeKey.ReplaceAllStringFunc(err.Error(), func(found string) string {
		if strings.Contains(paths, found) {
			return found
		}
		return "***"
	})
	return &discreetError{shown: shown, cause: err}
}

// openFiles are the paths in every PermissionError of an error.
func openFiles(err error) (paths []string) {
	switch e := err.(type) { //nolint:errorlint // each of a tree of errors is looked at, not the first that fits
	case *PermissionError:
		return []string{e.Path}
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			paths = append(paths, openFiles(one)...)
		}
	case interface{ Unwrap() error }:
		return openFiles(e.Unwrap())
	}
	return paths
}

// discreetError says less than its cause, which errors.Is and errors.As still find.
type discreetError struct {
	shown string
	cause error
}

func (e *discreetError) Error() string { return e.shown }

func (e *discreetError) Unwrap() error { return e.cause }
