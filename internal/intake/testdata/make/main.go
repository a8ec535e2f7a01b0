// Command make writes the files in testdata that the tests of intake read, by excelize and by LibreOffice
// (Debian: libreoffice-calc), and exports in GBK as shops get them. They are made once and committed, so that tests need
// neither; it is run again to add one:
//
//	go run ./internal/intake/testdata/make internal/intake/testdata
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() { os.Exit(run(context.Background(), os.Args[1:])) }

func run(ctx context.Context, args []string) int {
	if len(args) != 1 {
		_, _ = fmt.Fprintln(os.Stderr, "usage: make DIRECTORY")
		return 2
	}
	dir := args[0]
	if err := errors.Join(byExcelize(dir), exports(dir), byLibreOffice(ctx, dir)); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// byLibreOffice writes the sheet of traps as a flat OpenDocument file and has LibreOffice convert it.
func byLibreOffice(ctx context.Context, dir string) error {
	work, err := os.MkdirTemp("", "make-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }() // a temporary directory
	source := filepath.Join(work, "libreoffice.fods")
	if err := os.WriteFile(source, []byte(flat(traps)), 0o644); err != nil {
		return err
	}
	// The CSV's options: comma, double quote, GBK (67), from line 1.
	for _, to := range []string{"xlsx", "ods", "xls", "pdf", "csv:Text - txt - csv (StarCalc):44,34,67,1"} {
		cmd := exec.CommandContext(ctx, "soffice", "-env:UserInstallation=file://"+work+"/profile", "--headless", "--convert-to", to, "--outdir", work, source) //nolint:gosec // G204: fixed words
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		extension, _, _ := strings.Cut(to, ":")
		content, err := os.ReadFile(filepath.Join(work, "libreoffice."+extension)) //nolint:gosec // G304: just made
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "libreoffice."+extension), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
