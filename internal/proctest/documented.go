package proctest

import (
	"os"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// sharedSection is where the document has the settings that all commands of a program share.
const sharedSection = "Every command"

// Documented demands that a document's tables have every flag of a program, with its variables and its default,
// in the section of its command ("## worker run"), and no flag that the program does not have. What a program
// without commands has stands in the section of its name.
func Documented(t testing.TB, program string, cli any, path string) {
	t.Helper()
	parser, err := kong.New(cli, kong.Name(program), kong.Vars{"version": ""})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path) //nolint:gosec // the project's own document
	if err != nil {
		t.Fatal(err)
	}
	sections := rows(string(raw))
	shared := sharedSection
	if len(parser.Model.Children) == 0 {
		shared = program
	}
	compare(t, shared, parser.Model.Flags, sections[shared])
	for _, command := range parser.Model.Children {
		name := program + " " + command.Name
		compare(t, name, command.Flags, sections[name])
	}
}

// rows are the table rows of each section, by the flag that they begin with.
func rows(document string) map[string]map[string]string {
	sections := make(map[string]map[string]string)
	in := ""
	for line := range strings.Lines(document) {
		line = strings.TrimSpace(line)
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			in = heading
			sections[in] = make(map[string]string)
		}
		if flag, ok := strings.CutPrefix(line, "| `--"); ok && in != "" {
			flag, _, _ = strings.Cut(flag, "`")
			sections[in][flag] = line
		}
	}
	return sections
}

func compare(t testing.TB, section string, flags []*kong.Flag, rows map[string]string) {
	t.Helper()
	known := make(map[string]bool)
	for _, f := range flags {
		known[f.Name] = true
		want := append([]string{f.Default}, f.Envs...)
		for _, text := range want {
			if text != "" && !strings.Contains(rows[f.Name], "`"+text+"`") {
				t.Errorf("section %q: the row of --%s does not have `%s`: %q", section, f.Name, text, rows[f.Name])
			}
		}
		if rows[f.Name] == "" && f.Name != "help" {
			t.Errorf("section %q has no row for --%s", section, f.Name)
		}
	}
	for name := range rows {
		if !known[name] {
			t.Errorf("section %q has a row for --%s, and there is no such flag", section, name)
		}
	}
}
