package main

import (
	"fmt"
	"strings"

	"fahuo/internal/settings"
	"fahuo/internal/tokens"
)

type tokenCmd struct {
	New    tokenNewCmd    `cmd:"" help:"Make a token: it is printed once, and the file gets its SHA-256."`
	List   tokenListCmd   `cmd:"" help:"List whose tokens there are."`
	Remove tokenRemoveCmd `cmd:"" help:"Take a token out of the file: it is refused from then on."`
}

type tokenNewCmd struct {
	Name    string   `arg:"" help:"Whose it is; stands in histories and logs."`
	Partner []string `required:"" placeholder:"PARTNER" help:"An account that it may ship for; several: repeat it, or separate them by commas."`
	Rate    float64  `help:"Requests a second that it may make. Default: what enqueue serve --rate allows everybody."`
	Tokens  string   `env:"FAHUO_API_TOKENS" required:"" placeholder:"FILE" help:"The tokens file; made when it is not there."`
}

// Run is `enqueue token new`.
func (c *tokenNewCmd) Run(s streams) error {
	secret, token, err := tokens.New(c.Name, c.Partner)
	if err != nil {
		return settings.Usage(err)
	}
	token.Rate = c.Rate
	if err := tokens.Add(c.Tokens, token); err != nil {
		return settings.Usage(err)
	}
	if _, err := fmt.Fprintln(s.out, secret); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.err, "This is the token of %s; it is shown this once. Its SHA-256 is in %s, and a running enqueue serve knows it within a second.\n", c.Name, c.Tokens)
	return err
}

type tokenListCmd struct {
	Tokens string `env:"FAHUO_API_TOKENS" required:"" placeholder:"FILE" help:"The tokens file."`
}

// Run is `enqueue token list`.
func (c *tokenListCmd) Run(s streams) error {
	set, err := tokens.Load(c.Tokens)
	if err != nil {
		return settings.Usage(err)
	}
	for _, t := range set.List() {
		if _, err := fmt.Fprintf(s.out, "%s\t%s\n", t.Name, strings.Join(t.Partners, ",")); err != nil {
			return err
		}
	}
	return nil
}

type tokenRemoveCmd struct {
	Name   string `arg:"" help:"Whose token."`
	Tokens string `env:"FAHUO_API_TOKENS" required:"" placeholder:"FILE" help:"The tokens file."`
}

// Run is `enqueue token remove`.
func (c *tokenRemoveCmd) Run(s streams) error {
	if err := tokens.Remove(c.Tokens, c.Name); err != nil {
		return settings.Usage(err)
	}
	_, err := fmt.Fprintf(s.out, "the token of %s is removed from %s; a running enqueue serve knows within a second\n", c.Name, c.Tokens)
	return err
}
