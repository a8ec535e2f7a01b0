package proctest

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// sharedSection is where the document has the settings that all programs with commands share. What only some of them
// share stands in a section of their names ("## worker and enqueue").
const sharedSection = "Every command"

// Documented demands that a document's tables have every flag of a program, with its variables and its default,
// in the section of its command ("## worker run", "## desk user add"), and no flag that the program does not have.
// What a program without commands has stands in the section of its name.
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
	if len(parser.Model.Children) == 0 {
		compare(t, program, parser.Model.Flags, sections[program])
		return
	}
	shared := maps.Clone(sections[sharedSection])
	for heading, some := range sections {
		if slices.Contains(strings.Split(heading, " and "), program) {
			maps.Copy(shared, some)
		}
	}
	compare(t, sharedSection, parser.Model.Flags, shared)
	compareCommands(t, program, parser.Model.Children, sections)
}

// compareCommands compares what commands have of their own, and their commands in turn.
func compareCommands(t testing.TB, above string, commands []*kong.Node, sections map[string]map[string]string) {
	t.Helper()
	for _, command := range commands {
		name := above + " " + command.Name
		if len(command.Children) > 0 {
			compareCommands(t, name, command.Children, sections)
			continue
		}
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
