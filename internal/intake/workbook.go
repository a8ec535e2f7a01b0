package intake

import (
	"archive/zip"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/xuri/excelize/v2"
)

// What a workbook may unpack to. 100,000 shipments take a tenth of it. Sheets are unpacked to the disk, the rest into
// memory.
const (
	maxUnpacked = 512 << 20 // all of it
	maxParts    = 64 << 20  // all but sheets and texts: pictures, mostly
	maxXML      = 8 << 20   // one of those that is read
	maxTexts    = 96 << 20  // the texts that cells share
	manyTexts   = 2_000_000
	inMemory    = 1 << 20 // of a sheet
)

// workbook is an xlsx file. Nothing that it links to is ever followed.
type workbook struct {
	file      *excelize.File
	temp      string // the directory of what excelize unpacks
	sheets    []sheet
	visible   map[string]bool
	formats   map[int]numberFormat
	inspected map[*zip.File]inspection
	since1904 bool
}

func (w *workbook) close() error {
	var err error
	if w.file != nil {
		err = w.file.Close()
	}
	return errors.Join(err, os.RemoveAll(w.temp))
}

// openWorkbook opens an xlsx file of which everything is there.
func openWorkbook(file *os.File) (_ *workbook, err error) {
	archive, err := openArchive(file)
	if err != nil {
		return nil, err
	}
	w := &workbook{visible: make(map[string]bool), formats: make(map[int]numberFormat), inspected: make(map[*zip.File]inspection)}
	if w.temp, err = os.MkdirTemp("", "fahuo-xlsx-*"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	w.file, err = excelize.OpenFile(file.Name(), excelize.Options{UnzipSizeLimit: maxUnpacked, UnzipXMLSizeLimit: inMemory, TmpDir: w.temp})
	if err != nil {
		return nil, faulty("is a damaged xlsx file, or none that can be read (%v)"+saveAsXLSX, err)
	}
	props, err := w.file.GetWorkbookProps()
	if err != nil {
		return nil, err
	}
	w.since1904 = props.Date1904 != nil && *props.Date1904
	return w, w.findSheets(archive)
}

// findSheets lists the sheets that have cells, with the part of the archive that each one is.
func (w *workbook) findSheets(archive *zip.Reader) error {
	parts := make(map[string]*zip.File)
	for _, part := range archive.File {
		parts[partName(part)] = part
	}
	book := "xl/workbook.xml"
	root, err := related(parts["_rels/.rels"], "")
	if err != nil {
		return err
	}
	for _, r := range root {
		if strings.HasSuffix(r.Type, "/officeDocument") {
			book = r.Target
		}
	}
	dir := path.Dir(book)
	targets, err := related(parts[path.Join(dir, "_rels", path.Base(book)+".rels")], dir)
	if err != nil {
		return err
	}
	for _, known := range w.file.WorkBook.Sheets.Sheet {
		for _, r := range targets {
			if r.ID != known.ID || !strings.HasSuffix(r.Type, "/worksheet") || parts[r.Target] == nil {
				continue
			}
			w.sheets = append(w.sheets, sheet{w, known.Name, parts[r.Target]})
			w.visible[known.Name] = known.State == "" || known.State == "visible"
		}
	}
	if len(w.sheets) == 0 {
		return faulty("is a workbook without a sheet that has cells" + saveAsXLSX)
	}
	return nil
}

// relation is where a part of an xlsx file names another.
type relation struct {
	ID     string `xml:"Id,attr"`
	Type   string `xml:"Type,attr"`
	Target string `xml:"Target,attr"`
	Mode   string `xml:"TargetMode,attr"` // External: a link, which is not followed
}

// related reads which parts a part names, as paths within the archive.
func related(part *zip.File, dir string) (found []relation, err error) {
	if part == nil {
		return nil, nil
	}
	in, err := part.Open()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", part.Name, err)
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	var all struct {
		Relationship []relation `xml:"Relationship"`
	}
	if err := xml.NewDecoder(io.LimitReader(in, maxXML)).Decode(&all); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", errDamaged, part.Name, err)
	}
	for _, r := range all.Relationship {
		if r.Mode == "External" {
			continue
		}
		if target, absolute := strings.CutPrefix(r.Target, "/"); absolute {
			r.Target = target
		} else {
			r.Target = path.Join(dir, r.Target)
		}
		found = append(found, r)
	}
	return found, nil
}

// partName is a part's path; some programs of Windows write it with backslashes.
func partName(part *zip.File) string { return strings.ReplaceAll(part.Name, `\`, "/") }
