package main

import (
	"testing"

	"fahuo/internal/proctest"
)

func TestEverySettingIsDocumented(t *testing.T) {
	proctest.Documented(t, "desk", &cli{}, "../../docs/settings.md")
}
