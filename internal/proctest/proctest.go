// Package proctest runs the project's programs and Redis as real processes, for tests: built once, started
// on free ports, stopped by the id they were started with, their output kept for the test's report. Documented
// compares a program's settings with their document.
package proctest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Build compiles the named commands (worker, enqueue, …) into a temporary directory and returns it; remove
// it with os.RemoveAll. For TestMain.
func Build(commands ...string) (dir string, err error) { return build(nil, commands) }

// BuildRaced is Build with the race detector in the programs, but not in SQLite, as make test has it.
func BuildRaced(commands ...string) (dir string, err error) {
	return build([]string{"-race", "-gcflags=modernc.org/sqlite/lib=-race=false"}, commands)
}

func build(flags, commands []string) (dir string, err error) {
	if dir, err = os.MkdirTemp("", "fahuo-bin-"); err != nil {
		return "", err
	}
	args := append([]string{"build", "-o", dir + string(filepath.Separator)}, flags...)
	for _, c := range commands {
		args = append(args, "fahuo/cmd/"+c)
	}
	out, err := exec.CommandContext(context.Background(), "go", args...).CombinedOutput() //nolint:gosec // our own commands
	if err != nil {
		return "", errors.Join(fmt.Errorf("go build: %w\n%s", err, out), os.RemoveAll(dir))
	}
	return dir, nil
}

// patience is how long a program may take to start, to say something, or to end: much more than it takes, since a
// machine may have other things to do.
const patience = 5 * time.Minute

// Process is a running program.
type Process struct {
	t    testing.TB
	cmd  *exec.Cmd
	done chan struct{}

	mu      sync.Mutex
	output  bytes.Buffer
	written chan struct{} // closed at the next output
	err     error
}

// Start starts a program with an environment of its own (only what is given) in dir. It is killed when the
// test ends.
func Start(t testing.TB, dir string, env []string, program string, args ...string) *Process {
	t.Helper()
	p := &Process{t: t, done: make(chan struct{}), written: make(chan struct{})}
	p.cmd = exec.CommandContext(context.Background(), program, args...) //nolint:gosec // a program of the test's own
	p.cmd.Dir, p.cmd.Env = dir, append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}, env...)
	p.cmd.Stdout, p.cmd.Stderr = p, p
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		err := p.cmd.Wait()
		p.mu.Lock()
		p.err = err
		p.mu.Unlock()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("output of %s:\n%s", filepath.Base(program), p.Output())
		}
	})
	return p
}

// Write keeps output; it implements io.Writer.
func (p *Process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.written)
	p.written = make(chan struct{})
	return p.output.Write(b)
}

// Output is what the process has printed so far, on both streams.
func (p *Process) Output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.String()
}

// Pid is the process's id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Signal sends a signal.
func (p *Process) Signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Error(err)
	}
}

// Kill kills the process and waits for its end.
func (p *Process) Kill() {
	p.t.Helper()
	p.Signal(syscall.SIGKILL)
	<-p.done
}

// Exit waits for the process's end and returns its exit code.
func (p *Process) Exit() int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatalf("the process does not end:\n%s", p.Output())
	}
	return p.cmd.ProcessState.ExitCode()
}

// WaitFor waits until the output contains a text.
func (p *Process) WaitFor(text string) {
	p.t.Helper()
	limit := time.After(patience)
	for {
		p.mu.Lock()
		found, written := strings.Contains(p.output.String(), text), p.written
		p.mu.Unlock()
		if found {
			return
		}
		select {
		case <-written:
		case <-p.done:
			if strings.Contains(p.Output(), text) {
				return
			}
			p.t.Fatalf("the process ended without printing %q:\n%s", text, p.Output())
		case <-limit:
			p.t.Fatalf("in vain waited for %q:\n%s", text, p.Output())
		}
	}
}

// WaitStopped waits until the process has been stopped by a signal, with all of its threads: /proc/PID/stat says so.
func (p *Process) WaitStopped() {
	p.t.Helper()
	limit := time.After(patience)
	ticker := time.NewTicker(5 * time.Millisecond) // the kernel gives no signal
	defer ticker.Stop()
	for {
		stopped, err := stopped(p.Pid())
		if err != nil {
			p.t.Fatalf("%v\n%s", err, p.Output())
		}
		if stopped {
			return
		}
		select {
		case <-ticker.C:
		case <-limit:
			p.t.Fatalf("the process does not stop:\n%s", p.Output())
		}
	}
}

func stopped(pid int) (bool, error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil || len(threads) == 0 {
		return false, errors.Join(err, fmt.Errorf("process %d is not there", pid))
	}
	for _, name := range threads {
		text, err := os.ReadFile(name) //nolint:gosec // the kernel's own word about a process of ours
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // a thread that has ended
		}
		if err != nil {
			return false, err
		}
		// PID (name) STATE …, and the name may be anything.
		_, state, _ := strings.Cut(string(text)[strings.LastIndex(string(text), ")")+1:], " ")
		if !strings.HasPrefix(state, "T") {
			return false, nil
		}
	}
	return true, nil
}

// Run runs a program to its end and returns exit code and output.
func Run(t testing.TB, dir string, env []string, program string, args ...string) (code int, output string) {
	t.Helper()
	p := Start(t, dir, env, program, args...)
	code = p.Exit()
	return code, p.Output()
}

// Deserted is an address of loopback at which nobody listens, and nobody will before the test ends: its port belongs
// to a socket that never listens.
func Deserted(t testing.TB) string {
	t.Helper()
	fd, address, err := takePort(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) }) // nothing was written
	return address.String()
}

// FreePort finds a port of loopback that nobody uses. Whoever asks for this very port may listen there, again and
// again; as long as this process runs nobody gets it who asks for any, be it for a connection of his own.
func FreePort(t testing.TB) string {
	t.Helper()
	port, err := Port()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// Port is FreePort without a test.
func Port() (string, error) {
	_, address, err := takePort(1) // the socket stays; it lets others listen who say the same, as servers do
	return strconv.Itoa(int(address.Port())), err
}

// takePort binds a socket that never listens to a free port of loopback. With reuse others may listen there.
func takePort(reuse int) (fd int, address netip.AddrPort, err error) {
	fd, err = syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return fd, address, err
	}
	err = errors.Join(
		syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, reuse),
		syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}),
	)
	name, nameErr := syscall.Getsockname(fd)
	bound, ok := name.(*syscall.SockaddrInet4)
	if err = errors.Join(err, nameErr); err != nil || !ok {
		return fd, address, errors.Join(err, fmt.Errorf("bound to %v", name), syscall.Close(fd))
	}
	return fd, netip.AddrPortFrom(netip.AddrFrom4(bound.Addr), uint16(bound.Port)), nil //nolint:gosec // a port
}
