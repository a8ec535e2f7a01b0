package settings_test

import (
	"bytes"
	"context"
	"errors"
	"log"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fahuo/internal/settings"
)

// program is a command line that knows one command.
type program struct {
	settings.Common

	Do doCmd `cmd:"" default:"withargs"`
}

type doCmd struct {
	Fail string `enum:",failed,usage" default:""`
}

func (c *doCmd) Run(ctx context.Context, p *program) error {
	switch {
	case ctx == nil:
		return errors.New("no context")
	case c.Fail == "failed":
		return errors.New("it failed")
	case c.Fail == "usage":
		return settings.Usage(errors.Join(append(p.Validate(), errors.New("and more"))...))
	}
	return nil
}

func run(args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = settings.Main(context.Background(), "program", "does things", &program{}, args, &out, &err)
	return code, out.String(), err.String()
}

func TestExitCodes(t *testing.T) {
	for name, c := range map[string]struct {
		args   []string
		code   int
		stdout string
		stderr string
	}{
		"done":            {nil, 0, "", ""},
		"failed":          {[]string{"--fail", "failed"}, 1, "", "program: it failed"},
		"wrong usage":     {[]string{"--fail", "usage"}, 2, "", "and more"},
		"unknown flag":    {[]string{"--nope"}, 2, "", "--help"},
		"unknown command": {[]string{"nope"}, 2, "", "nope"},
		"bad value":       {[]string{"--log-level", "loud"}, 2, "", "loud"},
		"version":         {[]string{"--version"}, 0, "\n", ""},
		"help":            {[]string{"--help"}, 0, "does things", ""},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := run(c.args...)
			if code != c.code || !strings.Contains(stdout, c.stdout) || !strings.Contains(stderr, c.stderr) {
				t.Errorf("exit %d, stdout %q, stderr %q", code, stdout, stderr)
			}
		})
	}
}

// A variable that is set to nothing is not set: that is how compose files and shells leave one out.
func TestAnEmptyVariableIsNotSet(t *testing.T) {
	for _, name := range []string{"DATABASE_URL", "REDIS_URL", "FAHUO_LOG_LEVEL"} {
		t.Setenv(name, "")
	}
	if code, _, stderr := run(); code != 0 {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

func TestAllFaultsAreReported(t *testing.T) {
	code, _, stderr := run("--fail", "usage", "--redis", "ftp://x", "--ledger", "sqlite:"+filepath.Join(t.TempDir(), "no", "dir.db"), "--embedded-redis-addr", "x")
	if code != 2 {
		t.Errorf("exit %d", code)
	}
	for _, want := range []string{"REDIS_URL", "DATABASE_URL", "FAHUO_EMBEDDED_REDIS_ADDR", "and more"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("%s is not in %q", want, stderr)
		}
	}
}

func TestLogger(t *testing.T) {
	for _, c := range []struct {
		common   settings.Book
		terminal bool
		json     bool
		shown    bool
	}{
		{settings.Book{LogFormat: "auto", LogLevel: "info"}, false, true, true},
		{settings.Book{LogFormat: "auto", LogLevel: "info"}, true, false, true},
		{settings.Book{LogFormat: "json", LogLevel: "info"}, true, true, true},
		{settings.Book{LogFormat: "console", LogLevel: "error"}, false, false, false},
	} {
		var out bytes.Buffer
		log := c.common.Logger(&out, c.terminal)
		log.Info().Msg("hello")
		if got := out.String(); strings.HasPrefix(got, "{") != (c.json && c.shown) || strings.Contains(got, "hello") != c.shown {
			t.Errorf("%+v on a terminal %v: %q", c.common, c.terminal, got)
		}
	}
}

// What libraries write through the standard logger is a line of ours, and not said without end.
func TestAdoptStandardLog(t *testing.T) {
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	var out bytes.Buffer
	common := settings.Book{LogFormat: "json", LogLevel: "info"}
	settings.AdoptStandardLog(common.Logger(&out, false))
	for range 10 {
		log.Printf("Failed to %s", "collect")
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], `{"level":"warn",`) || !strings.Contains(lines[0], `"message":"Failed to collect"`) {
		t.Errorf("%q", lines)
	}
}

func TestUsageKeepsItsCause(t *testing.T) {
	cause := errors.New("cause")
	if err := settings.Usage(cause); !errors.Is(err, cause) || !settings.IsUsage(err) {
		t.Error(err)
	}
	if settings.Usage(nil) != nil || settings.IsUsage(cause) {
		t.Error("nothing is a usage error")
	}
}
