package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"fahuo/internal/settings"
)

type healthcheckCmd struct {
	Listen string `env:"FAHUO_LISTEN" default:"127.0.0.1:9464" help:"Where the worker listens."`
}

// Run is `worker healthcheck`.
func (c *healthcheckCmd) Run(ctx context.Context, _ *cli, s streams) error {
	if c.Listen == "off" {
		return settings.Usage(errors.New("--listen (FAHUO_LISTEN) is off: there is nothing to ask"))
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.Listen+"/healthz", nil)
	if err != nil {
		return settings.Usage(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("no worker answers at %s: %w", c.Listen, err)
	}
	defer func() { _ = answer.Body.Close() }() // nothing is read from it
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the worker answers %s", answer.Status)
	}
	_, err = fmt.Fprintln(s.out, "healthy")
	return err
}
