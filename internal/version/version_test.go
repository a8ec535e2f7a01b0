package version

import (
	"runtime/debug"
	"testing"
)

func TestFrom(t *testing.T) {
	t.Parallel()
	commit := debug.BuildSetting{Key: "vcs.revision", Value: "0123456789abcdef0123456789abcdef01234567"}
	changed := debug.BuildSetting{Key: "vcs.modified", Value: "true"}
	clean := debug.BuildSetting{Key: "vcs.modified", Value: "false"}
	for name, c := range map[string]struct {
		linked string
		info   debug.BuildInfo
		want   string
	}{
		"release":     {linked: "v1.2.3", info: debug.BuildInfo{Main: debug.Module{Version: "v9"}}, want: "v1.2.3"},
		"installed":   {info: debug.BuildInfo{Main: debug.Module{Version: "v1.0.1"}}, want: "v1.0.1"},
		"commit":      {info: debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, Settings: []debug.BuildSetting{commit, clean}}, want: "0123456789ab"},
		"changed":     {info: debug.BuildInfo{Settings: []debug.BuildSetting{commit, changed}}, want: "0123456789ab+dirty"},
		"nothing":     {want: "devel"},
		"short":       {info: debug.BuildInfo{Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}}}, want: "abc"},
		"no revision": {info: debug.BuildInfo{Settings: []debug.BuildSetting{changed}}, want: "devel"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := from(c.linked, &c.info); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	if String() == "" {
		t.Error("String is empty")
	}
}
