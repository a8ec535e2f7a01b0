package fahuo_test

import (
	"database/sql"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"fahuo/internal/alipay"
	"fahuo/internal/ledger"
	"fahuo/internal/proctest"
	"fahuo/internal/shipment"
)

// documents are all that cite tests, files and make's targets.
func documents(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob("docs/*.md")
	if err != nil || len(found) == 0 {
		t.Fatalf("docs/*.md: %v, %v", found, err)
	}
	return append(found, "README.md", "CHANGELOG.md")
}

// tree is what is in the repository: every file, and for each directory the text of its tests.
func tree(t *testing.T) (files []string, tests map[string]string) {
	t.Helper()
	tests = make(map[string]string)
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (name == ".git" || name == ".cache" || name == "bin" || name == "sandbox" || name == "secrets"):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, "_test.go"):
		default:
			tests[path.Dir(filepath.ToSlash(name))] += read(t, name)
		}
		files = append(files, filepath.ToSlash(name))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files, tests
}

var (
	// The package that tests are of stands before them: `worker`: TestA, TestB; one subtest: TestA/Name.
	testCitation   = regexp.MustCompile("`([a-z/]+)`:|\\b((?:Test|Fuzz|Benchmark)[A-Z][A-Za-z0-9]*)(?:/([A-Za-z0-9]+))?")
	codeCitation   = regexp.MustCompile("`([^`\n]+)`")
	linkCitation   = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	targetCitation = regexp.MustCompile("(?m)(?:`|^ *(?:sudo )?)make ([a-z-]+)")
	isPath         = regexp.MustCompile(`^(?:(?:cmd|docs|internal|scripts)(?:/[\w.-]+)*/?|[\w.-]+\.(?:go|md|yml))$`)
)

// Where it is said what keeps a rule, that is there.
func TestDocumentsCiteTestsThatAreThere(t *testing.T) {
	_, tests := tree(t)
	for _, name := range documents(t) {
		for line := range strings.Lines(read(t, name)) {
			of := ""
			for _, m := range testCitation.FindAllStringSubmatch(line, -1) {
				if m[1] != "" {
					of = m[1]
					continue
				}
				if !isTest(tests, of, m[2], m[3]) {
					t.Errorf("%s: there is no test %s in %q", name, m[0], of)
				}
			}
		}
	}
}

// isTest looks for a test in the package of a name, or in any. A subtest stands in a table, by its name.
func isTest(tests map[string]string, of, test, sub string) bool {
	for dir, text := range tests {
		if of != "" && dir != of && path.Base(dir) != of {
			continue
		}
		if strings.Contains(text, "\nfunc "+test+"(") && (sub == "" || strings.Contains(text, `"`+sub+`":`)) {
			return true
		}
	}
	return false
}

// A pattern that fits no test makes go test pass.
func TestMakeRunsTestsThatAreThere(t *testing.T) {
	_, tests := tree(t)
	run := regexp.MustCompile(`test \./(\S+) .*-run '?([A-Za-z|]+)'?`)
	found := run.FindAllStringSubmatch(read(t, "Makefile"), -1)
	for _, m := range found {
		for prefix := range strings.SplitSeq(m[2], "|") {
			if !strings.Contains(tests[m[1]], "\nfunc "+prefix) {
				t.Errorf("no test in %s begins with %s", m[1], prefix)
			}
		}
	}
	if len(found) == 0 {
		t.Error("the Makefile runs no test by name any more")
	}
}

func TestDocumentsCiteFilesThatAreThere(t *testing.T) {
	files, _ := tree(t)
	for _, name := range documents(t) {
		for _, m := range codeCitation.FindAllStringSubmatch(read(t, name), -1) {
			cited := strings.TrimSuffix(m[1], "/")
			if cited == "docker-compose.override.yml" || !isPath.MatchString(cited) { // the user's own
				continue
			}
			there := slices.Contains(files, cited)
			if !strings.Contains(cited, "/") {
				there = slices.ContainsFunc(files, func(f string) bool { return path.Base(f) == cited })
			}
			if !there {
				t.Errorf("%s: there is no file %s", name, cited)
			}
		}
	}
}

func TestDocumentsLinkToWhatIsThere(t *testing.T) {
	for _, name := range documents(t) {
		for _, m := range linkCitation.FindAllStringSubmatch(read(t, name), -1) {
			file, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(file, "://") {
				continue
			}
			target := name
			if file != "" {
				target = path.Join(path.Dir(filepath.ToSlash(name)), file)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: the link %s leads nowhere", name, m[1])
			} else if anchor != "" && !slices.Contains(anchors(t, target), anchor) {
				t.Errorf("%s: %s has no heading for the link %s", name, target, m[1])
			}
		}
	}
}

// anchors are the addresses of a document's headings.
func anchors(t *testing.T, name string) (anchors []string) {
	t.Helper()
	for line := range strings.Lines(read(t, name)) {
		if heading, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && strings.HasPrefix(line, "#") {
			plain := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(strings.TrimSpace(heading)), "")
			anchors = append(anchors, strings.ReplaceAll(plain, " ", "-"))
		}
	}
	return anchors
}

// A merge can leave a section or a paragraph behind a second time, and a reader then asks what the difference is.
func TestDocumentsSayThingsOnce(t *testing.T) {
	for _, name := range documents(t) {
		seen := make(map[string]bool)
		for paragraph := range strings.SplitSeq(read(t, name), "\n\n") {
			if seen[paragraph] && (len(paragraph) > 80 || strings.HasPrefix(paragraph, "## ")) && !strings.HasPrefix(paragraph, "| flag |") {
				t.Errorf("%s says twice: %.80q", name, paragraph)
			}
			seen[paragraph] = true
		}
	}
}

// What was built beside the sources is fifty megabytes that every clone would carry for ever.
func TestNoProgramIsInTheRepository(t *testing.T) {
	list, err := exec.CommandContext(t.Context(), "git", "ls-files", "-z").Output()
	if err != nil {
		t.Skip("this is no git work tree:", err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(list), "\x00"), "\x00") {
		if text, err := os.ReadFile(name); err == nil && strings.HasPrefix(string(text), "\x7fELF") {
			t.Errorf("%s is a program; take it out (git rm --cached %[1]s)", name)
		}
	}
}

func TestDocumentsCiteTargetsOfMake(t *testing.T) {
	makefile := read(t, "Makefile")
	for _, name := range documents(t) {
		for _, m := range targetCitation.FindAllStringSubmatch(read(t, name), -1) {
			if !strings.Contains(makefile, "\n"+m[1]+":") {
				t.Errorf("%s: make has no target %s", name, m[1])
			}
		}
	}
}

// Whoever is called at night finds every code that holds an account and every reason of death.
func TestOperationsNamesEveryHoldAndDeath(t *testing.T) {
	text := read(t, "docs/operations.md")
	for _, code := range alipay.Codes() {
		if alipay.Classify(code) == alipay.AccountFault && !strings.Contains(text, "`"+code+"`") {
			t.Errorf("nothing about the hold %s", code)
		}
	}
	for _, reason := range shipment.Reasons() {
		if !strings.Contains(text, "| `"+string(reason)+"` |") {
			t.Errorf("nothing about the reason of death %s", reason)
		}
	}
}

// What operations.md asks a ledger are queries that both databases answer.
func TestOperationsQueriesRun(t *testing.T) {
	text := read(t, "docs/operations.md")
	for _, c := range []struct{ driver, url, query string }{
		{"sqlite", "sqlite:" + filepath.Join(t.TempDir(), "fahuo.db"), `sqlite3 -readonly \S+ "([^"]+)"`},
		{"pgx", proctest.Postgres(t), `\nlook "([^"]+)"`},
	} {
		book, err := ledger.Open(t.Context(), c.url)
		if err != nil {
			t.Fatal(err)
		}
		if err := book.Close(); err != nil {
			t.Fatal(err)
		}
		db, err := sql.Open(c.driver, strings.TrimPrefix(c.url, "sqlite:"))
		if err != nil {
			t.Fatal(err)
		}
		queries := regexp.MustCompile(c.query).FindAllStringSubmatch(text, -1)
		if len(queries) < 3 {
			t.Errorf("%s: %d queries, want those about shipments, calls and history", c.driver, len(queries))
		}
		for _, m := range queries {
			if _, err := db.ExecContext(t.Context(), m[1]); err != nil {
				t.Errorf("%s: %s: %v", c.driver, m[1], err)
			}
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}
