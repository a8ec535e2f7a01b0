package main

import (
	"os"
	"strings"
	"testing"

	"fahuo/internal/proctest"
)

func TestEverySettingIsDocumented(t *testing.T) {
	const path = "../../docs/settings.md"
	proctest.Documented(t, "worker", &cli{}, path)
	document, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// The accounts' variables are no flags.
	for _, name := range sandboxVariables {
		if !strings.Contains(string(document), "`"+name+"`") {
			t.Errorf("%s is not documented", name)
		}
	}
}
