package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// process is a worker's place: when its process ends, another takes it.
type process struct {
	w   *world
	n   int
	env []string
	cmd *exec.Cmd
}

func (p *process) logFile() string { return filepath.Join(p.w.dir, fmt.Sprintf("worker%d.log", p.n)) }

// prepareWorkers writes the accounts file and makes the places.
func (w *world) prepareWorkers(context.Context) error {
	key := filepath.Join(w.dir, "key")
	if err := os.WriteFile(key, []byte(testKey+"\n"), 0o600); err != nil {
		return err
	}
	var text strings.Builder
	text.WriteString("accounts:\n")
	for i := range w.Accounts {
		fmt.Fprintf(&text, "  - {partner: %q, sign_type: MD5, key_file: key}\n", w.partner(i))
	}
	accounts := filepath.Join(w.dir, "accounts.yaml")
	if err := os.WriteFile(accounts, []byte(text.String()), 0o600); err != nil {
		return err
	}
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir, "FAHUO_ACCOUNTS=" + accounts, "DATABASE_URL=" + w.workersLedger(),
		"REDIS_URL=redis://" + w.toRedis.addr(), "ALIPAY_GATEWAY=" + strings.Replace(w.gateway.URL(), w.gateway.Addr(), w.toGateway.addr(), 1),
		"FAHUO_INTERVAL=" + w.Interval.String(), "FAHUO_CALL_TIMEOUT=" + w.CallTimeout.String(),
		"FAHUO_RETRY_BASE=500ms", "FAHUO_RETRY_CAP=5s", "FAHUO_LISTEN=off", "FAHUO_LOG_FORMAT=json",
	}
	for n := range w.Workers {
		p := &process{w: w, n: n, env: env}
		w.workers = append(w.workers, p)
		w.onClose(func() error { return p.end(syscall.SIGKILL) })
	}
	return nil
}

func (p *process) start(ctx context.Context) error {
	log, err := os.OpenFile(p.logFile(), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	p.cmd = exec.CommandContext(context.WithoutCancel(ctx), p.w.Program, "run") //nolint:gosec // our own program
	p.cmd.Dir, p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = p.w.dir, p.env, log, log
	return errors.Join(p.cmd.Start(), log.Close())
}

// end ends the process by a signal and waits for it; none is no error.
func (p *process) end(signal syscall.Signal) error {
	if p.cmd == nil {
		return nil
	}
	err := p.cmd.Process.Signal(signal)
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	_ = p.cmd.Wait()                      // its exit code tells how it was ended
	code := p.cmd.ProcessState.ExitCode() // below 0: ended by the signal
	p.cmd = nil
	switch {
	case err == nil && signal == syscall.SIGTERM && code > 0:
		err = fmt.Errorf("worker %d: exit code %d after a gentle stop", p.n, code)
	case err == nil && signal == syscall.SIGKILL && code >= 0:
		err = fmt.Errorf("worker %d had ended by itself, with exit code %d", p.n, code)
	}
	return err
}

func (p *process) signal(s syscall.Signal) error { return p.cmd.Process.Signal(s) }
