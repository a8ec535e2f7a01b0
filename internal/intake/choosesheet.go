package intake

import (
	"errors"
	"fmt"
	"strings"
)

// openSheet opens a workbook at the sheet of a name, or the only visible one that has a header.
func openSheet(w *workbook, name string) (sheet, header, error) {
	if name != "" {
		return w.named(name)
	}
	var found, best sheet
	var h, most header
	var many []string
	for _, s := range w.sheets {
		if !w.visible[s.name] {
			continue
		}
		candidate, err := s.header()
		if err != nil {
			return s, h, fmt.Errorf("sheet %q: %w", s.name, err)
		}
		if best.workbook == nil || candidate.known > most.known {
			best, most = s, candidate
		}
		if candidate.enough() {
			found, h, many = s, candidate, append(many, s.name)
		}
	}
	switch {
	case best.workbook == nil:
		return found, h, &SheetError{Sheets: w.names(), hidden: true}
	case len(many) > 1:
		return found, h, &SheetError{Sheets: many}
	case len(many) == 0:
		err := most.check("row")
		if err == nil {
			err = faulty("columns are missing: needed are %s", needed())
		}
		return found, h, fmt.Errorf("sheet %q: %w", best.name, err)
	}
	return found, h, h.check("row")
}

func (w *workbook) named(name string) (sheet, header, error) {
	for _, s := range w.sheets {
		if !strings.EqualFold(strings.TrimSpace(s.name), strings.TrimSpace(name)) {
			continue
		}
		h, err := s.header()
		if err == nil {
			err = h.check("row")
		}
		if err != nil {
			err = fmt.Errorf("sheet %q: %w", s.name, err)
		}
		return s, h, err
	}
	return sheet{}, header{}, faulty("has no sheet %q; it has %s", name, list(w.names()))
}

// header looks for a sheet's header. What would not fit into memory is found before excelize reads any of it: that reads
// ahead, up to the next row. Other damage below the header is no matter of a sheet that nobody chooses.
func (s sheet) header() (header, error) {
	if _, err := s.inspect(); errors.Is(err, errHuge) {
		return header{}, err
	}
	return headerOf(s)
}

func (w *workbook) names() []string {
	names := make([]string, len(w.sheets))
	for i, s := range w.sheets {
		names[i] = s.name
	}
	return names
}
