// Package version says which build of Fahuo a program is: every command prints it for --version.
package version

import "runtime/debug"

// version is what a release build is given by
//
//	go build -ldflags "-X fahuo/internal/version.version=v1.2.3"
//
// and is empty otherwise.
var version string

// revisionLength is how much of a commit's hash identifies it to people.
const revisionLength = 12

// String is the build's version: the release's name, else the module version it was installed as, else
// the commit it was built from (with "+dirty" if files had been changed), else "devel".
func String() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return from(version, info)
}

func from(linked string, info *debug.BuildInfo) string {
	if linked != "" {
		return linked
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	var revision, dirty string
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "+dirty"
		}
	}
	if revision == "" {
		return "devel"
	}
	return revision[:min(len(revision), revisionLength)] + dirty
}
