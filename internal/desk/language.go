package desk

import (
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/goccy/go-yaml"
	xlanguage "golang.org/x/text/language"
)

//go:embed lang/*/*.yaml lang/*.yaml templates/*.html
var texts embed.FS

// language is the desk in one language: what it says, by key, and its pages.
type language struct {
	tag   string // for <html lang>
	say   map[string]string
	pages map[string]*template.Template

	forms map[string]string // what is said elsewhere in English, by its form; English needs none
}

// languages that there are; the first serves whoever wants none of them.
var (
	languageNames = []string{"en", "zh", "zh"}
	matcher       = xlanguage.NewMatcher([]xlanguage.Tag{xlanguage.English, xlanguage.Chinese, xlanguage.TraditionalChinese})
)

const languageCookie = "fahuo-language"

// parseLanguages reads the sentences and parses every page for each language.
func parseLanguages() (map[string]*language, error) {
	all := make(map[string]*language)
	for name, tag := range map[string]string{"en": "en", "zh": "zh-CN"} {
		l := &language{tag: tag, say: make(map[string]string), pages: make(map[string]*template.Template)}
		if err := l.readSentences(name); err != nil {
			return nil, err
		}
		if err := l.readForms(name); err != nil {
			return nil, err
		}
		if err := l.parsePages(); err != nil {
			return nil, err
		}
		all[name] = l
	}
	return all, nil
}

// readSentences reads lang/NAME/*.yaml: "key: sentence", a file for what belongs together. A key stands once.
func (l *language) readSentences(name string) error {
	files, err := fs.Glob(texts, "lang/"+name+"/*.yaml")
	if err != nil {
		return err
	}
	for _, file := range files {
		var some map[string]string
		text, err := texts.ReadFile(file)
		if err == nil {
			err = yaml.UnmarshalWithOptions(text, &some, yaml.Strict())
		}
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		for key, sentence := range some {
			if _, twice := l.say[key]; twice {
				return fmt.Errorf("%s: %s stands twice", file, key)
			}
			l.say[key] = sentence
		}
	}
	return nil
}

// readForms reads lang/NAME.yaml, if there is one: what intake and the noun say about rows and files (shipment.Words).
func (l *language) readForms(name string) error {
	text, err := texts.ReadFile("lang/" + name + ".yaml")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = yaml.UnmarshalWithOptions(text, &l.forms, yaml.Strict())
	}
	if err != nil {
		return fmt.Errorf("lang/%s.yaml: %w", name, err)
	}
	return nil
}

// parsePages parses every page together with the layout and the parts that pages share (templates/_*.html).
func (l *language) parsePages() error {
	names, err := fs.Glob(texts, "templates/*.html")
	if err != nil {
		return err
	}
	shared := template.New("").Funcs(l.functions())
	for _, name := range names {
		if strings.HasPrefix(path.Base(name), "_") {
			if shared, err = shared.ParseFS(texts, name); err != nil {
				return err
			}
		}
	}
	for _, name := range names {
		if base := path.Base(name); !strings.HasPrefix(base, "_") {
			page, err := shared.Clone()
			if err == nil {
				page, err = page.ParseFS(texts, name)
			}
			if err != nil {
				return err
			}
			l.pages[strings.TrimSuffix(base, ".html")] = page
		}
	}
	return nil
}

// text is what is said under a key, with arguments as fmt has them. A key that is missing is shown as such, which
// the tests look for.
func (l *language) text(key string, args ...any) string {
	sentence, ok := l.say[key]
	if !ok {
		return "⟨" + key + "⟩"
	}
	if len(args) == 0 || !strings.Contains(sentence, "%") {
		return sentence // also where a language has no use for the arguments
	}
	return fmt.Sprintf(sentence, args...)
}

// plural is text for a number of things: "key.one" where a language tells one from many and n is 1.
func (l *language) plural(key string, n int64) string {
	if one, ok := l.say[key+".one"]; ok && n == 1 {
		return one
	}
	return l.text(key, l.number(n))
}

// maybe is text for a key that need not be there, and otherwise is shown as it came: a code that nobody has met
// yet.
func (l *language) maybe(prefix, value string) string {
	if sentence, ok := l.say[prefix+value]; ok {
		return sentence
	}
	return value
}

// language is the reader's: chosen by hand, or as the browser says; English for whoever wants neither.
func (d *Desk) language(r *http.Request) *language {
	if c, err := r.Cookie(languageCookie); err == nil && d.pages[c.Value] != nil {
		return d.pages[c.Value]
	}
	wanted, _, err := xlanguage.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	if err != nil || len(wanted) == 0 {
		return d.pages["en"]
	}
	_, i, _ := matcher.Match(wanted...)
	return d.pages[languageNames[i]]
}

// chooseLanguage remembers a choice in the browser.
func (q *request) chooseLanguage() error {
	to := q.PostFormValue("to")
	if q.d.pages[to] == nil {
		return &problem{http.StatusBadRequest, "error.form"}
	}
	http.SetCookie(q.w, &http.Cookie{ //nolint:gosec // Secure where the desk is reached by https; a language is no secret
		Name: languageCookie, Value: to, Path: "/", MaxAge: 365 * 24 * 3600, HttpOnly: true, Secure: q.d.o.SecureCookies, SameSite: http.SameSiteLaxMode,
	})
	back := q.back()
	if back == "" {
		back = "/"
	}
	return q.redirect(back)
}

var errNoPage = errors.New("there is no such page")
