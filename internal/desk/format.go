package desk

import (
	"fmt"
	"html/template"
	"net/url"
	"strconv"
	"strings"
	"time"

	"fahuo/internal/beijing"
	"fahuo/internal/shipment"
)

// functions are what templates may call.
func (l *language) functions() template.FuncMap {
	return template.FuncMap{
		"t":        l.text,
		"tn":       l.plural,
		"maybe":    l.maybe,
		"time":     clock,
		"iso":      func(t time.Time) string { return t.In(beijing.Zone).Format(time.RFC3339) },
		"ago":      l.ago,
		"number":   l.number,
		"duration": l.duration,
		"state":    func(s shipment.State) string { return l.text("state." + string(s)) },
		"reason":   func(r shipment.Reason) string { return l.text("reason." + string(r)) },
		"join":     strings.Join,
		"case":     casePath,
		"coded":    l.coded,
		"found":    l.found,
		"carried":  l.transported,
		"mask":     mask,
		"refusal":  l.refusal,
		"field":    l.field,
		"path":     address,
		"int64":    func(n int) int64 { return int64(n) },
		"pair":     func(a, b any) pair { return pair{a, b} },
		"tab":      func(v view, page, to string) tab { return tab{To: to, Key: "nav." + page, Here: v.Page == page} },
	}
}

// address is a path of parts, each of which may hold any character.
func address(parts ...string) string {
	var b strings.Builder
	for _, part := range parts {
		b.WriteString("/" + url.PathEscape(part))
	}
	return b.String()
}

// pair is two values for a part of a page.
type pair struct{ A, B any }

// tab is a way to another page, or this one.
type tab struct {
	To, Key string
	Here    bool
}

// clock is a time as people read it; the zone stands at the foot of every page.
func clock(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.In(beijing.Zone).Format("2006-01-02 15:04:05")
}

// number is a count with its thousands set apart. Trade numbers are texts and never come here.
func (l *language) number(n int64) string {
	digits := strconv.FormatInt(n, 10)
	var out strings.Builder
	for i, r := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 && digits[i-1] != '-' {
			out.WriteByte(',')
		}
		out.WriteRune(r)
	}
	return out.String()
}

// ago is how far a time is from now, either way.
func (l *language) ago(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	if d := t.Sub(now); d > 0 {
		return l.text("time.in", l.duration(d))
	}
	if d := now.Sub(t); d >= time.Second {
		return l.text("time.ago", l.duration(d))
	}
	return l.text("time.now")
}

// duration is a length of time in its largest one or two units.
func (l *language) duration(d time.Duration) string {
	units := []struct {
		key string
		of  time.Duration
	}{{"unit.day", 24 * time.Hour}, {"unit.hour", time.Hour}, {"unit.minute", time.Minute}, {"unit.second", time.Second}}
	for i, u := range units {
		if d < u.of && i < len(units)-1 {
			continue
		}
		text := l.plural(u.key, int64(d/u.of))
		if rest := d % u.of; i < len(units)-1 && d < 10*u.of && rest >= units[i+1].of {
			text += l.text("unit.join") + l.plural(units[i+1].key, int64(rest/units[i+1].of))
		}
		return text
	}
	return fmt.Sprint(d)
}
