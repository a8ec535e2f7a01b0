package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"fahuo/internal/alipay/alipaytest"
)

// serve runs the gateway until a signal or the end of ctx, and prints the report.
func (c *cli) serve(ctx context.Context, stdout io.Writer) error {
	options, err := c.check()
	if err != nil {
		return usageError{err}
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()

	out := printer(&lines{out: stdout})
	if c.LogFormat == "json" {
		out = newObjects(stdout)
	}
	options.Log = out.call
	server, err := alipaytest.Listen(c.Listen, options)
	if err != nil {
		return addressError{fmt.Errorf("%w; choose another one: --listen HOST:PORT (FAHUO_SIMULATOR_LISTEN)", err)}
	}
	out.listening(server, c)

	<-ctx.Done()
	stop() // a second signal ends the process at once
	if err := server.Close(); err != nil {
		return err
	}
	return out.report(server.Gateway)
}
