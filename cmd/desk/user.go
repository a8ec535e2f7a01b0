package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/mattn/go-isatty"
	"golang.org/x/term"

	"fahuo/internal/desk"
	"fahuo/internal/settings"
)

type userCmd struct {
	Add userAddCmd `cmd:"" help:"Add a user, or give one a new password or role. The password is asked for on a terminal, else read from standard input."`
}

type userAddCmd struct {
	Name  string `arg:"" help:"The name to log in with."`
	Role  string `required:"" enum:"operator,viewer" help:"operator or viewer."`
	Users string `env:"FAHUO_DESK_USERS" required:"" placeholder:"FILE" help:"The users file; made when it is not there."`
}

// Run is `desk user add`.
func (c *userAddCmd) Run(s streams) error {
	if err := desk.CheckName(c.Name); err != nil {
		return settings.Usage(err)
	}
	password, err := readPassword(s)
	if err != nil {
		return err
	}
	user, err := desk.NewUser(c.Name, desk.Role(c.Role), password)
	if err != nil {
		return settings.Usage(err)
	}
	replaced, err := desk.PutUser(c.Users, user)
	if err != nil {
		return err
	}
	what := "added"
	if replaced {
		what = "changed"
	}
	_, err = fmt.Fprintf(s.out, "%s (%s) is %s in %s; a running desk knows within a second\n", c.Name, c.Role, what, c.Users)
	return err
}

// readPassword asks twice on a terminal, and otherwise reads a line.
func readPassword(s streams) (string, error) {
	file, ok := s.in.(*os.File)
	if !ok || !isatty.IsTerminal(file.Fd()) {
		line, err := bufio.NewReader(s.in).ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("read the password: %w", err)
		}
		return string(bytes.TrimRight(line, "\r\n")), nil
	}
	var given [2][]byte
	for i, prompt := range []string{"Password: ", "Again: "} {
		_, _ = fmt.Fprint(s.err, prompt)
		var err error
		given[i], err = term.ReadPassword(int(file.Fd()))
		_, _ = fmt.Fprintln(s.err)
		if err != nil {
			return "", fmt.Errorf("read the password: %w", err)
		}
	}
	if !bytes.Equal(given[0], given[1]) {
		return "", errors.New("the two passwords differ; nothing was changed")
	}
	return string(given[0]), nil
}
