package intake

import (
	"bytes"
	"fmt"
)

// Format is how a file holds its rows.
type Format int

// The formats that are read. UnknownFormat, given to Open, lets the content tell.
const (
	UnknownFormat Format = iota
	CSV
	XLSX
	JSONLines
)

func (f Format) String() string {
	switch f {
	case CSV:
		return "csv"
	case XLSX:
		return "xlsx"
	case JSONLines:
		return "jsonl"
	case UnknownFormat:
	}
	return "auto"
}

// ParseFormat reads what Format.String wrote; "" is "auto", too.
func ParseFormat(name string) (Format, error) {
	for _, f := range []Format{UnknownFormat, CSV, XLSX, JSONLines} {
		if name == f.String() || name == "" {
			return f, nil
		}
	}
	return UnknownFormat, fmt.Errorf("format %.20q is none of csv, xlsx, jsonl; leave it out and the content tells", name)
}

const (
	saveAsCSV  = "; save it as CSV (UTF-8) and import that"
	saveAsXLSX = "; open it in a spreadsheet, save it as xlsx (\"Excel workbook\") and import that"
)

var (
	zipSignature = []byte("PK\x03\x04")
	oleSignature = []byte("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1")
)

// formatOf tells a file's format by its first bytes; names lie: exports of many shops are web pages called xls. What is
// no file of shipments, whatever it is, is refused with the remedy. asked is what the caller says that it is.
func formatOf(start []byte, asked Format) (Format, error) {
	if len(start) == 0 {
		return UnknownFormat, faulty("is empty")
	}
	if bytes.HasPrefix(start, zipSignature) {
		if asked == CSV || asked == JSONLines {
			return UnknownFormat, faulty("is an Excel file (xlsx) or an archive, and no %s; leave --format out", asked)
		}
		return XLSX, nil
	}
	if err := notRead(start); err != nil {
		return UnknownFormat, err
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(start, bom), " \t\r\n")
	switch {
	case asked == XLSX:
		return UnknownFormat, faulty("is no xlsx file; leave --format out, and its content tells what it is")
	case asked != UnknownFormat:
		return asked, nil
	case bytes.HasPrefix(text, []byte("{")):
		return JSONLines, nil
	case bytes.HasPrefix(text, []byte("[")):
		return UnknownFormat, faulty("is a JSON array; write JSON lines, one object {…} in each line and nothing around them")
	}
	return CSV, nil
}

// notRead refuses by its first bytes what is no text file.
func notRead(start []byte) error {
	lower := bytes.ToLower(bytes.TrimLeft(bytes.TrimPrefix(start, bom), " \t\r\n"))
	for _, page := range []string{"<!doctype", "<html", "<head", "<meta", "<table", "<style", "<body", "<div"} {
		if bytes.HasPrefix(lower, []byte(page)) {
			return faulty("is a web page (HTML), whatever its name says" + saveAsXLSX)
		}
	}
	switch {
	case bytes.HasPrefix(start, oleSignature[:4]):
		return faulty("is an old Excel file (xls)" + saveAsXLSX)
	case bytes.HasPrefix(start, []byte("%PDF")):
		return faulty("is a PDF, from which no table can be read safely; export the table as xlsx or CSV and import that")
	case bytes.HasPrefix(lower, []byte("<?xml")):
		return faulty("is an XML file" + saveAsXLSX)
	case bytes.HasPrefix(start, []byte("\xFF\xFE")), bytes.HasPrefix(start, []byte("\xFE\xFF")), everySecondIsNUL(start):
		return faulty("is in UTF-16 (Excel calls it \"Unicode text\")" + saveAsCSV)
	}
	line, _, _ := bytes.Cut(start, []byte("\n"))
	if bytes.IndexByte(line, 0) >= 0 {
		return faulty("has NUL bytes in its first line: it is damaged or no text file" + saveAsCSV)
	}
	return nil
}

func everySecondIsNUL(b []byte) bool {
	var nul [2]int
	for i, c := range b {
		if c == 0 {
			nul[i%2]++
		}
	}
	return len(b) >= 8 && max(nul[0], nul[1]) > len(b)/4 && min(nul[0], nul[1]) == 0
}
