//go:build clients

package clienttest

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"fahuo/internal/proctest"
)

// The generators, run in modules of their own so that they stay out of ours.
const (
	oapiCodegen = "github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2"
	oapiRuntime = "github.com/oapi-codegen/runtime@v1.9.0"
)

const partner = "2088000000000001"

// serve starts a real server and returns its address and a token.
func serve(t *testing.T) (url, secret string) {
	t.Helper()
	bin, err := proctest.Build("enqueue")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(bin) }) // a temporary directory
	program, dir := filepath.Join(bin, "enqueue"), t.TempDir()
	code, out := proctest.Run(t, dir, nil, program, "token", "new", "shop", "--partner", partner, "--tokens", "tokens.yaml")
	if code != 0 {
		t.Fatal(out)
	}
	secret = regexp.MustCompile(`fahuo_\w+`).FindString(out)
	p := proctest.Start(t, dir, []string{"REDIS_URL=redis://127.0.0.1:1"}, program, "serve", "--listen", "127.0.0.1:0", "--tokens", "tokens.yaml")
	p.WaitFor("serving")
	return regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(p.Output()), secret
}

// download writes a served document into a directory.
func download(t *testing.T, url, dir string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }() // it has been read
	text, err := io.ReadAll(response.Body)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "openapi.json"), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func run(t *testing.T, dir string, command ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", command, err, out)
	}
	return string(out)
}

// put copies a program of ours beside what is generated.
func put(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", from))
	if err == nil {
		err = os.MkdirAll(filepath.Dir(to), 0o700)
	}
	if err == nil {
		err = os.WriteFile(to, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// want is what either program prints: what became of one shipment, of three, of the batch, of the file, of a wrong one.
var want = strings.Join([]string{"accepted", "already 1 accepted 1 rejected 1", "queued 2", "file 1", "problem body.trade_no", ""}, "\n")

func TestGo(t *testing.T) {
	url, secret := serve(t)
	dir := t.TempDir()
	download(t, url+"/openapi-3.0.json", dir)
	put(t, "main.go.txt", filepath.Join(dir, "main.go"))
	if err := os.Mkdir(filepath.Join(dir, "client"), 0o700); err != nil {
		t.Fatal(err)
	}
	run(t, dir, "go", "run", oapiCodegen, "-generate", "types,client", "-package", "client", "-o", "client/client.go", "openapi.json")
	run(t, dir, "go", "mod", "init", "example")
	run(t, dir, "go", "get", oapiRuntime)
	run(t, dir, "go", "mod", "tidy")
	if got := run(t, dir, "go", "run", ".", url, secret); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTypeScript(t *testing.T) {
	url, secret := serve(t)
	modules, err := filepath.Abs("../../../.cache/clients/node/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(modules); err != nil {
		t.Fatalf("%v: scripts/install-client-generators installs them", err)
	}
	dir := t.TempDir()
	download(t, url+"/openapi.json", dir)
	put(t, "main.ts", filepath.Join(dir, "main.ts"))
	put(t, "package.json", filepath.Join(dir, "package.json"))
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(modules, ".bin")
	run(t, dir, filepath.Join(bin, "openapi-typescript"), "openapi.json", "-o", "schema.d.ts")
	run(t, dir, filepath.Join(bin, "tsc"), "--strict", "--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom", "--skipLibCheck", "main.ts")
	if got := run(t, dir, "node", "main.js", url, secret); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
