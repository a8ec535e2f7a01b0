package main

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"fahuo/internal/alipay"
	"fahuo/internal/desk"
	"fahuo/internal/ledger"
)

// sandboxUser may log in to the sandbox's desk, with a password that is made anew at each start.
const sandboxUser = "demo"

// sandboxDesk is the desk inside the sandbox.
type sandboxDesk struct {
	address  string // http://…
	password string
	close    func() error
}

// checkSandboxDesk refuses an address that others could reach: everybody who watches the terminal has the password.
func checkSandboxDesk(addr string) error {
	if addr == "off" {
		return nil
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil || !alipay.IsLoopback(host) {
		return fmt.Errorf("--sandbox-desk %q is neither HOST:PORT on loopback nor off", addr)
	}
	return nil
}

// openDesk serves the desk over the sandbox's ledger until the returned one is closed. A port that is taken, or a desk
// that was not wanted, is no reason to stop: then why is said, and shipping goes on without.
func openDesk(ctx context.Context, addr string, book *ledger.Ledger, log zerolog.Logger) (open *sandboxDesk, why string, err error) {
	if addr == "off" {
		return nil, "", nil
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Sprintf("No desk: %v. --sandbox-desk ADDRESS puts it elsewhere.", err), nil
	}
	random := make([]byte, 10)
	if _, err := rand.Read(random); err != nil {
		return nil, "", errors.Join(err, listener.Close())
	}
	password := strings.ToLower(base32.StdEncoding.EncodeToString(random))
	user, err := desk.NewUser(sandboxUser, desk.Operator, password)
	if err != nil {
		return nil, "", errors.Join(err, listener.Close())
	}
	d, err := desk.New(desk.Options{Book: book, Users: desk.TheseUsers(user), Log: log})
	if err != nil {
		return nil, "", errors.Join(err, listener.Close())
	}
	server := desk.Server(d)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	return &sandboxDesk{address: "http://" + listener.Addr().String(), password: password, close: func() error {
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		err := server.Shutdown(limited)
		if err != nil { // somebody still reads; it is a sandbox
			err = server.Close()
		}
		d.Stop()
		if served := <-done; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, served)
		}
		return err
	}}, "", nil
}
