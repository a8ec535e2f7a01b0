package main

import (
	"testing"

	"fahuo/internal/proctest"
)

func TestEverySettingIsDocumented(t *testing.T) {
	proctest.Documented(t, "simulator", &cli{}, "../../docs/settings.md")
}
