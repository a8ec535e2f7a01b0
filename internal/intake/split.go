package intake

import "strings"

// splitter takes records apart by the rules of RFC 4180: a cell that begins with a quote ends at the next
// single one and may hold delimiters and line ends; two quotes in it are one. It is written here because
// encoding/csv has to be either strict, and refuses the ="2015…" of exports, or lazy, and then takes a
// quote that is never closed for a cell of all the rows that follow.
type splitter struct {
	delimiter byte
	most      int // cells that are kept; one more tells that there are too many
	cells     []string
	cell      strings.Builder
	at        position
}

type position int

const (
	cellStart position = iota
	plain              // in a cell without quotes
	quoted             // in one with
	closing            // after a quote within one: its end, or half of a doubled quote
	broken             // something stands between a closing quote and the next delimiter
)

func (s *splitter) reset() {
	s.cells, s.at = nil, cellStart
	s.cell.Reset()
}

// feed adds a line with its terminator and tells whether the record goes on in the next one.
func (s *splitter) feed(line string) (goesOn bool) {
	end := len(strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"))
	for i := 0; i < end; i++ {
		s.add(line[i])
	}
	if s.at == quoted {
		s.cell.WriteString(line[end:])
		return true
	}
	s.cut()
	return false
}

func (s *splitter) add(c byte) {
	switch {
	case s.at == cellStart && c == '"':
		s.at = quoted
	case s.at == quoted && c == '"':
		s.at = closing
	case s.at == closing && c == '"':
		s.at = quoted
		s.cell.WriteByte(c)
	case s.at != quoted && c == s.delimiter:
		s.cut()
	case s.at == closing, s.at == broken:
		s.at = broken
	default:
		if s.at == cellStart {
			s.at = plain
		}
		s.cell.WriteByte(c)
	}
}

// cut ends a cell. A broken cell stays so: its record is refused.
func (s *splitter) cut() {
	if s.at == broken {
		return
	}
	if !s.wide() {
		s.cells = append(s.cells, s.cell.String())
	}
	s.cell.Reset()
	s.at = cellStart
}

// wide tells whether a record has more cells than are kept.
func (s *splitter) wide() bool { return len(s.cells) > s.most }
