package desk_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"fahuo/internal/desk"
)

// saying are what sentences about rows and files are made with, and what some of them are put into first.
var (
	saying = []string{"refuse", "faulty", "words", "Refuse"}
	kept   = []string{"fault", "broken"}
)

// Whatever the checks of shipments and files say, a Chinese page says it in Chinese, with the same values; and nothing
// else stands in the table. Lines of JSON are written by programs: what is wrong with one stays English.
func TestWhatIsSaidOfFilesIsTranslated(t *testing.T) {
	t.Parallel()
	said := make(map[string]bool)
	for _, dir := range []string{"../shipment", "../intake"} {
		sentences(t, dir, said)
	}
	forms := desk.Forms()
	if len(said) < 60 {
		t.Fatalf("found only %d sentences", len(said))
	}
	for form := range said {
		chinese, ok := forms[form]
		if !ok {
			t.Errorf("zh.yaml lacks %q", form)
		}
		if a, b := values.FindAllString(form, -1), values.FindAllString(chinese, -1); !strings.Contains(chinese, "%[") && !slices.Equal(a, b) && len(b) > 0 {
			t.Errorf("%q takes %v, in Chinese %v", form, a, b)
		}
	}
	for form := range forms {
		if !said[form] {
			t.Errorf("nobody says %q", form)
		}
	}
	for form := range maps.Keys(forms) {
		if strings.Contains(form, "--") && !strings.Contains(form, "leave --") {
			t.Errorf("a clerk is told of a flag: %s", form)
		}
	}
}

var values = regexp.MustCompile(`%[.0-9]*[a-zA-Z]`)

// sentences collects the constant texts that are handed to whatever makes a sentence.
func sentences(t *testing.T, dir string, said map[string]bool) {
	t.Helper()
	packages, err := parser.ParseDir(token.NewFileSet(), dir, nil, 0) //nolint:staticcheck // no build tags here
	must(t, err)
	constants := make(map[string]ast.Expr)
	visit := func(f func(ast.Node)) {
		for _, p := range packages {
			for name, file := range p.Files {
				if !strings.HasSuffix(name, "_test.go") {
					ast.Inspect(file, func(n ast.Node) bool { f(n); return true })
				}
			}
		}
	}
	visit(func(n ast.Node) {
		if v, ok := n.(*ast.ValueSpec); ok && len(v.Names) == len(v.Values) {
			for i, name := range v.Names {
				constants[name.Name] = v.Values[i]
			}
		}
	})
	add := func(e ast.Expr) {
		if text := constant(e, constants); text != "" {
			said[text] = true
		}
	}
	visit(func(n ast.Node) {
		switch n := n.(type) {
		case *ast.CallExpr:
			if slices.Contains(saying, named(n.Fun)) {
				for _, arg := range n.Args[:min(2, len(n.Args))] {
					add(arg)
				}
			}
		case *ast.AssignStmt:
			for i, to := range n.Lhs {
				if len(n.Lhs) == len(n.Rhs) && slices.Contains(kept, named(to)) {
					add(n.Rhs[i])
				}
			}
		case *ast.KeyValueExpr:
			if key := named(n.Key); key == "Form" || key == "fault" {
				add(n.Value)
			}
		case *ast.CompositeLit:
			if named(n.Type) == "Words" && len(n.Elts) > 0 {
				add(n.Elts[0])
			}
		}
	})
}

func named(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

// constant is the value of a constant text, "" when it is none. Names of fields are no sentences.
func constant(e ast.Expr, constants map[string]ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING && strings.Contains(text, " ") {
			return text
		}
	case *ast.BinaryExpr:
		if a, b := constant(e.X, constants), constant(e.Y, constants); a != "" && b != "" {
			return a + b
		}
	case *ast.Ident:
		if value, ok := constants[e.Name].(*ast.BasicLit); ok {
			return constant(value, nil)
		}
	}
	return ""
}
