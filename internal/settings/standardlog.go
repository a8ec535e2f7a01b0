package settings

import (
	"log"
	"strings"
	"time"

	"github.com/rs/zerolog"
)

// AdoptStandardLog makes lines of ours of what libraries write through the standard logger: asynq's metrics do
// when Redis is away, and net/http. In a log of JSON objects they were lines that nothing could read. What they
// all complain of is said a few times only: metrics are asked for again and again.
func AdoptStandardLog(to zerolog.Logger) {
	log.SetFlags(0) // the time is in every line of ours
	log.SetOutput(standardLog{to.Sample(&zerolog.BurstSampler{Burst: 3, Period: 30 * time.Second})})
}

type standardLog struct{ to zerolog.Logger }

func (s standardLog) Write(line []byte) (int, error) {
	s.to.Warn().Msg(strings.TrimSpace(string(line)))
	return len(line), nil
}
