package main

import (
	"fmt"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"fahuo/internal/proctest"
)

// The test binary is the command too: scripts and tests run it as a process of its own.
func TestMain(m *testing.M) {
	testscript.Main(leakTested{m}, map[string]func(){"simulator": main})
}

// leakTested is a test run that fails when goroutines are left over.
type leakTested struct{ *testing.M }

// Run implements testscript.TestingM.
func (l leakTested) Run() int {
	code := l.M.Run()
	if err := goleak.Find(); code == 0 && err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		return exitFailed
	}
	return code
}

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": proctest.Exits,
		},
	})
}

// environment is the process's without what would configure the command.
func environment(extra ...string) []string {
	return append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.TempDir()}, extra...)
}
