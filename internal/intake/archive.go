package intake

import (
	"archive/zip"
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
)

// openArchive looks into a zip file before anybody unpacks it: whether it is a workbook at all, and of what size.
func openArchive(file *os.File) (*zip.Reader, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	archive, err := zip.NewReader(file, info.Size())
	if err != nil {
		return nil, faulty("is a damaged xlsx file or archive: its end is missing; copy or download it again")
	}
	if err := isWorkbook(archive); err != nil {
		return nil, err
	}
	return archive, bounded(archive)
}

// isWorkbook tells workbooks from everything else that is a zip file, with the remedy.
func isWorkbook(archive *zip.Reader) error {
	var book bool
	for _, part := range archive.File {
		name := strings.ToLower(partName(part))
		switch {
		case name == "xl/workbook.bin":
			return faulty("is a binary workbook (xlsb)" + saveAsXLSX)
		case name == "content.xml":
			return faulty("is an OpenDocument file (ods)" + saveAsXLSX)
		case strings.HasSuffix(name, ".iwa"), name == "index.zip":
			return faulty("is a file of Apple Numbers; export it from there as Excel (xlsx) and import that")
		case strings.HasPrefix(name, "word/"), strings.HasPrefix(name, "ppt/"):
			return faulty("is a Word or PowerPoint file; put its table into a spreadsheet, save that as xlsx and import it")
		}
		book = book || strings.HasPrefix(name, "xl/")
	}
	if !book {
		return faulty("is an archive (zip) and no workbook; unpack it and import the files in it")
	}
	return nil
}

// bounded refuses what would unpack to more than a file of shipments can be, before it is unpacked. The sizes are those
// that the archive states; archive/zip does not unpack more.
func bounded(archive *zip.Reader) error {
	var all, other uint64
	for _, part := range archive.File {
		name, size := strings.ToLower(partName(part)), part.UncompressedSize64
		if all += size; size > maxUnpacked || all > maxUnpacked {
			return faulty("unpacks to more than %d MiB, far more than a file of shipments; is it damaged, or made to do harm? Copy the rows into a new workbook", maxUnpacked>>20)
		}
		switch {
		case strings.HasPrefix(name, "xl/worksheets/sheet"):
			continue
		case name == "xl/sharedstrings.xml":
			if err := fewTexts(part); err != nil {
				return err
			}
			continue
		}
		if other += size; other > maxParts {
			return faulty("holds more than %d MiB of pictures and other things beside its sheets; copy the rows into a new workbook", maxParts>>20)
		}
		if size > maxXML && (strings.HasSuffix(name, ".xml") || strings.HasSuffix(name, ".rels")) {
			return faulty("has more than %d MiB of formatting (%.60s); copy the rows, as values only, into a new workbook", maxXML>>20, name)
		}
	}
	return nil
}

// fewTexts counts the texts that cells share: each costs memory, however short it is.
func fewTexts(part *zip.File) (err error) {
	tooMany := faulty("has more than %d different texts or %d MiB of them; divide it into several files", manyTexts, maxTexts>>20)
	if part.UncompressedSize64 > maxTexts {
		return tooMany
	}
	in, err := part.Open()
	if err != nil {
		return faulty("is a damaged xlsx file (%v); copy or download it again", err)
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	buffered := bufio.NewReaderSize(in, 64<<10)
	for n := 0; n <= manyTexts; {
		tag, err := buffered.ReadSlice('>')
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil:
			return faulty("is a damaged xlsx file (%v); copy or download it again", err)
		}
		name := tag[bytes.LastIndexByte(tag, '<')+1:]
		if i := bytes.IndexByte(name, ':'); i >= 0 {
			name = name[i+1:]
		}
		if bytes.HasPrefix(name, []byte("si")) && len(name) > 2 && bytes.IndexByte([]byte(" />\t\r\n"), name[2]) >= 0 {
			n++
		}
	}
	return tooMany
}

// whatOLE tells what a file in Microsoft's old container is: workbooks with a password are in one, too.
func whatOLE(file *os.File) error {
	in, err := section(file)
	if err != nil {
		return err
	}
	content, err := io.ReadAll(io.LimitReader(in, maxParts))
	if err != nil {
		return err
	}
	var name []byte
	for _, c := range []byte("EncryptedPackage") {
		name = append(name, c, 0)
	}
	if bytes.Contains(content, name) {
		return faulty("is protected by a password; open it in a spreadsheet, save it without one and import that")
	}
	return faulty("is an old Excel file (xls)" + saveAsXLSX)
}
