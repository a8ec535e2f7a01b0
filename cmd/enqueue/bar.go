package main

import (
	"time"

	"github.com/schollz/progressbar/v3"
)

// bar shows progress to a person at a terminal, and nothing to anybody else.
type bar struct{ *progressbar.ProgressBar }

func newBar(s streams, total int64, quiet bool) bar {
	if quiet || !s.terminal() {
		return bar{}
	}
	return bar{progressbar.NewOptions64(total, progressbar.OptionSetWriter(s.err), progressbar.OptionClearOnFinish(),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(false))}
}

func (b bar) set(n int64) {
	if b.ProgressBar != nil {
		_ = b.Set64(n) // a bar that cannot be drawn is not missed
	}
}

func (b bar) end() {
	if b.ProgressBar != nil {
		_ = b.Finish() // as above
	}
}
