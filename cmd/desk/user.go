package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mattn/go-isatty"
	"golang.org/x/term"

	"fahuo/internal/desk"
	"fahuo/internal/ledger"
	"fahuo/internal/settings"
)

type userCmd struct {
	List   userListCmd   `cmd:"" help:"List who may log in."`
	Remove userRemoveCmd `cmd:"" help:"Take a user out of the file, and end the user's sessions."`

	Add userAddCmd `cmd:"" help:"Add a user, or give one a new password or role. The password is asked for on a terminal, else read from standard input."`
}

type userAddCmd struct {
	Name  string `arg:"" help:"The name to log in with."`
	Role  string `required:"" enum:"operator,viewer" help:"operator or viewer."`
	Users string `env:"FAHUO_DESK_USERS" required:"" placeholder:"FILE" help:"The users file; made when it is not there."`
}

type userListCmd struct {
	Users string `env:"FAHUO_DESK_USERS" required:"" placeholder:"FILE" help:"The users file."`
}

// Run is `desk user list`.
func (c *userListCmd) Run(s streams) error {
	list, err := desk.ListUsers(c.Users)
	if err != nil {
		return settings.Usage(err)
	}
	for _, user := range list {
		if _, err := fmt.Fprintf(s.out, "%s\t%s\n", user.Name, user.Role); err != nil {
			return err
		}
	}
	return nil
}

type userRemoveCmd struct {
	Name  string `arg:"" help:"The user."`
	Users string `env:"FAHUO_DESK_USERS" required:"" placeholder:"FILE" help:"The users file."`
}

// Run is `desk user remove`.
func (c *userRemoveCmd) Run(ctx context.Context, g *cli, s streams) error {
	if err := desk.RemoveUser(c.Users, c.Name); err != nil {
		return settings.Usage(err)
	}
	if _, err := fmt.Fprintf(s.out, "%s is removed from %s; a running desk knows within a second\n", c.Name, c.Users); err != nil {
		return err
	}
	return g.endSessions(ctx, c.Name, s)
}

// endSessions ends what somebody has open, so that nothing of it comes back with a new user of the same name or an old
// password. Where there is no ledger there are no sessions.
func (c *cli) endSessions(ctx context.Context, name string, s streams) (err error) {
	book, err := ledger.OpenExisting(ctx, c.Ledger)
	if err != nil {
		_, _ = fmt.Fprintf(s.err, "desk: sessions that %s has open were not ended, since the ledger could not be opened: %v\n", name, err)
		return nil
	}
	defer func() { err = errors.Join(err, book.Close()) }()
	n, err := book.CloseSessions(ctx, name)
	if err != nil || n == 0 {
		return err
	}
	_, err = fmt.Fprintf(s.out, "%d open sessions of %s are ended\n", n, name)
	return err
}

// Run is `desk user add`.
func (c *userAddCmd) Run(ctx context.Context, g *cli, s streams) error {
	if err := desk.CheckName(c.Name); err != nil {
		return settings.Usage(err)
	}
	if err := checkDirectory(c.Users); err != nil {
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
	if _, err = fmt.Fprintf(s.out, "%s (%s) is %s in %s; a running desk knows within a second\n", c.Name, c.Role, what, c.Users); err != nil || !replaced {
		return err
	}
	return g.endSessions(ctx, c.Name, s)
}

// checkDirectory says before a password is asked for that the users file cannot be made.
func checkDirectory(path string) error {
	dir := filepath.Dir(path)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("--users (FAHUO_DESK_USERS): there is no directory %s; make it first: mkdir -p %s", dir, dir)
	}
	return nil
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
