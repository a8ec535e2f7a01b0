package fahuo_test

import (
	"slices"
	"strings"
	"testing"
)

// The image is read as text: there is a reader for compose files, and none for Dockerfiles that
// would be worth its weight here.
func TestDockerfile(t *testing.T) {
	text := strings.ReplaceAll(read(t, "Dockerfile"), "\\\n", " ")
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.Join(strings.Fields(line), " "); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	last := slices.Index(lines, "FROM scratch")
	if last < 0 {
		t.Fatal("the last stage is not FROM scratch")
	}
	build, final := lines[:last], lines[last:]

	for _, want := range []string{"CGO_ENABLED=0", "-trimpath", "./cmd/worker", "./cmd/enqueue", "./cmd/desk", "./cmd/simulator"} {
		if !slices.ContainsFunc(build, func(l string) bool { return strings.HasPrefix(l, "RUN ") && strings.Contains(l, want) }) {
			t.Errorf("the build stage has no RUN with %q", want)
		}
	}
	if goVersion := minorVersion(t); !strings.Contains(build[0], " golang:"+goVersion+"-") {
		t.Errorf("%q does not build with Go %s, go.mod's", build[0], goVersion)
	}
	for _, want := range []string{
		"COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/",
		"USER 65532:65532",
		"EXPOSE 9464",
		`ENTRYPOINT ["worker"]`,
		"STOPSIGNAL SIGTERM",
	} {
		if !slices.Contains(final, want) {
			t.Errorf("the final stage lacks %q", want)
		}
	}
	if !slices.ContainsFunc(final, func(l string) bool {
		return strings.HasPrefix(l, "HEALTHCHECK ") && strings.HasSuffix(l, `CMD ["worker", "healthcheck"]`)
	}) {
		t.Error("no HEALTHCHECK in exec form: an image without a shell cannot run another")
	}
	for _, label := range []string{"title", "description", "licenses", "version"} {
		if !strings.Contains(strings.Join(final, "\n"), "org.opencontainers.image."+label+"=") {
			t.Errorf("label %s is missing", label)
		}
	}
	for _, l := range final {
		if strings.HasPrefix(l, "RUN ") || strings.HasPrefix(l, "ADD ") {
			t.Errorf("the final stage has %q", l)
		}
	}
}

// Two things must never get into an image: keys and ledgers.
func TestDockerignoreKeepsSecretsOut(t *testing.T) {
	lines := strings.Fields(read(t, ".dockerignore"))
	for _, want := range []string{"secrets", ".env", "*.db", "sandbox", ".git"} {
		if !slices.Contains(lines, want) {
			t.Errorf(".dockerignore lacks %s", want)
		}
	}
}

// minorVersion is go.mod's Go version without its patch level.
func minorVersion(t *testing.T) string {
	t.Helper()
	for line := range strings.Lines(read(t, "go.mod")) {
		if version, ok := strings.CutPrefix(strings.TrimSpace(line), "go "); ok {
			parts := strings.SplitN(version, ".", 3)
			return strings.Join(parts[:2], ".")
		}
	}
	t.Fatal("go.mod names no Go version")
	return ""
}
