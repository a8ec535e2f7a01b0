package worker

import (
	"fmt"

	"github.com/rs/zerolog"
)

// asynqLog gives asynq's log lines our form. Its Fatal must not end the process: who serves money does
// not exit because a library is at a loss.
type asynqLog struct{ log zerolog.Logger }

func (a asynqLog) Debug(args ...any) { a.log.Trace().Msg(fmt.Sprint(args...)) }
func (a asynqLog) Info(args ...any)  { a.log.Debug().Msg(fmt.Sprint(args...)) }
func (a asynqLog) Warn(args ...any)  { a.log.Warn().Msg(fmt.Sprint(args...)) }
func (a asynqLog) Error(args ...any) { a.log.Error().Msg(fmt.Sprint(args...)) }
func (a asynqLog) Fatal(args ...any) { a.log.Error().Msg(fmt.Sprint(args...)) }
