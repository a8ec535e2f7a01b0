package desk

import (
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"strings"
	"unicode"
)

// uploadRoute is the only address to which more than a form is sent.
const uploadRoute = "POST /import"

const (
	maxUpload = 32 << 20      // what is kept of a file: 100,000 rows are about ten megabytes
	maxSent   = 8 * maxUpload // what is read of a longer one: a browser that may not send all of it shows no page, but a broken connection
	maxField  = 4 << 10
	maxParts  = 20
	nameShown = 120 // characters of a file's name
)

// uploadForm is the form of the import page.
type uploadForm struct {
	there   bool   // a file was chosen
	name    string // its name, without what could disturb a page
	account string
	batch   string
	urgent  bool
}

// receive reads the form, and the file in it into a new file that only this user can read. What is wrong with it is a
// *problem.
func (q *request) receive(path string) (form uploadForm, err error) {
	parts, err := q.MultipartReader()
	if err != nil {
		return form, &problem{http.StatusBadRequest, "error.form"}
	}
	for range maxParts {
		part, err := parts.NextPart()
		switch {
		case errors.Is(err, io.EOF):
			return form, nil
		case err != nil:
			return form, cutOff(err)
		case part.FormName() == "file" && part.FileName() != "" && !form.there:
			form.there, form.name = true, fileName(part.FileName())
			if err := q.keep(part, path); err != nil {
				return form, err
			}
		case part.FormName() == "file":
		default:
			if err := form.fill(part); err != nil {
				return form, err
			}
		}
	}
	return form, &problem{http.StatusBadRequest, "error.form"}
}

// fill reads one field.
func (f *uploadForm) fill(part *multipart.Part) error {
	value, err := io.ReadAll(io.LimitReader(part, maxField+1))
	if err != nil {
		return cutOff(err)
	}
	text := strings.TrimSpace(string(value))
	if len(value) > maxField || !readable(text) {
		return &problem{http.StatusBadRequest, "error.form"}
	}
	switch part.FormName() {
	case "account":
		f.account = text
	case "batch":
		f.batch = text
	case "urgent":
		f.urgent = text == "yes"
	}
	return nil
}

// keep writes a file down. One that is too long is read to its end all the same.
func (q *request) keep(part io.Reader, path string) (err error) {
	out, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // G304: a path of our own making
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	n, err := io.Copy(out, io.LimitReader(part, maxUpload+1))
	if err != nil {
		return cutOff(err)
	}
	if n > maxUpload {
		_, _ = io.Copy(io.Discard, part) // whether it is longer still makes no difference
		return &problem{http.StatusRequestEntityTooLarge, "import.too_large"}
	}
	return nil
}

// cutOff is a form that has not arrived whole.
func cutOff(err error) error {
	var long *http.MaxBytesError
	var path *os.PathError
	switch {
	case errors.As(err, &long):
		return &problem{http.StatusRequestEntityTooLarge, "import.too_large"}
	case errors.As(err, &path): // the disk is full
		return err
	}
	return &problem{http.StatusBadRequest, "import.cut_off"}
}

// fileName is a file's name for people: browsers of old send whole paths, and a name may hold anything.
func fileName(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '_'
	}, strings.ToValidUTF8(name, "_"))
	if runes := []rune(name); len(runes) > nameShown {
		name = string(runes[:nameShown])
	}
	return name
}

// refusedFile keeps refused rows on the disk, a JSON array of cells in each line: there may be as many as the file has.
type refusedFile struct {
	file *os.File
	rows *json.Encoder
}

func newRefusedFile(path string) (refusedFile, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600) //nolint:gosec // G304: a path of our own making
	if err != nil {
		return refusedFile{}, err
	}
	return refusedFile{file, json.NewEncoder(file)}, nil
}

func (f refusedFile) write(cells []string) error { return f.rows.Encode(cells) }
func (f refusedFile) close() error               { return f.file.Close() }

// exportRows answers with kept rows as a file. The cells are the person's own, and stand there as they were, so that they
// can be corrected; what a spreadsheet would take for a formula stays text, and importing it takes the mark off again.
func (q *request) exportRows(kept io.Reader) error {
	in := json.NewDecoder(kept)
	var head []string
	if err := in.Decode(&head); errors.Is(err, io.EOF) {
		return q.notFound() // nothing was refused
	} else if err != nil {
		return err
	}
	for i, cell := range head {
		head[i] = csvCell(cell)
	}
	return q.export(sheet{name: "refused", header: head, size: -1, next: func() (rows [][]string, err error) {
		for len(rows) < exportStep {
			var row []string
			if err := in.Decode(&row); errors.Is(err, io.EOF) {
				return rows, nil
			} else if err != nil {
				return nil, err
			}
			rows = append(rows, row)
		}
		return rows, nil
	}})
}
