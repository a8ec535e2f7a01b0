package main

import (
	"context"
	"errors"
	"time"

	"github.com/rs/zerolog"

	"fahuo/internal/intake"
	"fahuo/internal/ledger"
	"fahuo/internal/settings"
	"fahuo/internal/tasks"
)

// How long Redis is given. Nothing needs it to answer: what it does not get, the worker fetches.
const (
	firstAnswer = 3 * time.Second
	delivery    = 30 * time.Second
)

// belt is the way to Redis, which may be away.
type belt struct {
	*tasks.Belt
	book     *ledger.Ledger
	embedded bool
	away     error // why it did not answer at first
}

// reach asks Redis whose it is before anything is accepted: one of another ledger is a usage error. That
// it does not answer is none.
func reach(ctx context.Context, g *cli, book *ledger.Ledger) (*belt, error) {
	connection, err := tasks.Connect(g.Redis, g.EmbeddedRedisAddr)
	if err != nil {
		return nil, settings.Usage(err)
	}
	b := &belt{Belt: connection, book: book, embedded: g.Redis == tasks.Embedded}
	ctx, cancel := context.WithTimeout(ctx, firstAnswer)
	defer cancel()
	_, b.away = connection.Claim(ctx, book.Identity(), book.URL())
	if errors.Is(b.away, tasks.ErrForeign) {
		return nil, settings.Usage(errors.Join(b.away, connection.Close()))
	}
	return b, nil
}

// alongside delivers while rows are being accepted, if Redis answered; deliver does the rest in any case.
func (b *belt) alongside(ctx context.Context) (more, stop func()) {
	if b.away != nil {
		return nil, func() {}
	}
	return intake.Alongside(ctx, b.book, b.Belt)
}

// deliver puts what is accepted in line. Only a Redis of another ledger is an error.
func (b *belt) deliver(ctx context.Context, log zerolog.Logger) error {
	err := b.away
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, delivery)
		defer cancel()
		var fed int
		fed, err = intake.Deliver(ctx, b.book, b.Belt)
		log.Debug().Int("tasks", fed).Msg("put in line")
	}
	if errors.Is(err, tasks.ErrForeign) {
		return settings.Usage(err)
	}
	b.tell(log, err)
	return nil
}

// tell says why something is not on the belt yet, and that it is safe.
func (b *belt) tell(log zerolog.Logger, err error) {
	var other *ledger.OtherBeltError
	switch {
	case errors.As(err, &other):
		log.Warn().Str("redis", b.Name()).Str("workers_redis", other.Other.Name).
			Msg("the workers of this ledger use another Redis: what is accepted is safe, and a worker fetches it from the ledger; give --redis (REDIS_URL) theirs")
	case errors.Is(err, tasks.ErrForeign):
		log.Error().Err(err).Msg("what is accepted is safe in the ledger, and this Redis is not its own; give --redis (REDIS_URL) that of the worker")
	case err != nil && b.embedded:
		log.Warn().Msg("no worker is running here with its embedded Redis: what is accepted is safe, and the worker will fetch it from the ledger when it starts")
	case b.away != nil:
		log.Warn().Str("redis", b.URL()).AnErr("cause", err).Msg("Redis does not answer: what is accepted is safe, and the worker will fetch it from the ledger")
	case err != nil:
		log.Warn().Str("redis", b.URL()).AnErr("cause", err).Msg("what is accepted is safe in the ledger, and not all of it is on the queue in Redis yet; the worker will fetch it")
	}
}

func (b *belt) close(log zerolog.Logger) {
	if err := b.Close(); err != nil {
		log.Debug().Err(err).Msg("closing the connection to Redis")
	}
}
