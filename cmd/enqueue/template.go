package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"fahuo/internal/intake"
)

type templateCmd struct {
	File string `arg:"" optional:"" default:"shipments.xlsx" help:"Where to write it; - is standard output."`
}

// Run is `enqueue template`.
func (c *templateCmd) Run(_ context.Context, _ *cli, s streams) error {
	if c.File == intake.Stdin {
		return intake.WriteTemplate(s.out)
	}
	// What is there already may have been filled in.
	file, err := os.OpenFile(c.File, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644) //nolint:gosec // G302, G304: for clerks, where the user says
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already and may have been filled in; give another name, or remove it", c.File)
	}
	if err != nil {
		return err
	}
	if err := errors.Join(intake.WriteTemplate(file), file.Close()); err != nil {
		return errors.Join(fmt.Errorf("%s could not be written: %w", c.File, err), os.Remove(c.File))
	}
	_, err = io.WriteString(s.out, c.File+" written. Fill it in, then: enqueue file "+shellQuote(c.File)+"\n")
	return err
}
