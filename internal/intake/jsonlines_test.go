package intake

import (
	"strings"
	"testing"
)

// JSON lines go the way of every other table: keys are columns, in any order, in English or Chinese.
func TestJSONLines(t *testing.T) {
	t.Parallel()
	book := openBook(t, partner)
	lines := "\n" + `{"物流公司":"顺丰","trade_no":"` + trade(1) + `","invoice_no":7700012345678,"urgent":true,"note":null}` + "\n" +
		`{"trade_no":"` + trade(2) + `","物流公司":"圆通"}` + "\r\n\n" +
		`{}` + "\n" +
		`{"trade_no":2026112300001001000000000003,"物流公司":"圆通"}` + "\n" +
		`{"trade_no":"` + trade(4) + `","物流公司":["圆通"]}` + "\n" +
		`{"trade_no":"` + trade(5) + `","物流公司":"圆通"` + "\n" +
		`{"trade_no":"` + trade(6) + `","trade_no":"` + trade(7) + `"}` + "\n" +
		`{"trade_no":"` + trade(8) + `","物流公司":"圆通"} {}` + "\n" +
		`[]`
	var warned string
	path := file(t, lines)
	sum := imported(t, book, path, Options{Warn: func(m Warning) { warned += m.String() }})
	if sum.Accepted != 2 || sum.Rejected != 6 || warned != `columns that are not used: "note"` {
		t.Errorf("got %+v, %s", sum, warned)
	}
	if got := get(t, book, 1); got.InvoiceNo != "7700012345678" || !got.Urgent || got.TransportType != "EXPRESS" {
		t.Errorf("got %+v", got)
	}
	for i, want := range []struct {
		line        int64
		field, says string
	}{
		{6, "trade_no", rounded},
		{7, "row", `has a list or an object as "物流公司"`},
		{8, "row", "is no JSON object of one line"},
		{9, "row", `has "trade_no" twice`},
		{10, "row", "has something behind its JSON object"},
		{11, "row", "is no JSON object"},
	} {
		if r := sum.Rejections[i]; r.Line != want.line || r.Field != want.field || !strings.Contains(r.Reason, want.says) {
			t.Errorf("got %+v, want %+v", r, want)
		}
	}
	if again := imported(t, book, *sum.RejectedFile, Options{}); again.Rejected != 6 || *sum.RejectedFile != path+".rejected.csv" {
		t.Errorf("imported uncorrected: %+v", again)
	}
}

func TestJSONLinesThatAreNone(t *testing.T) {
	t.Parallel()
	var wide strings.Builder
	wide.WriteString(`{"a":1`)
	for i := range maxKeys + 1 {
		wide.WriteString(`,"` + trade(i) + `":1`)
	}
	for content, says := range map[string]string{
		"{\n":                      "has no line that is a JSON object",
		`{"a":1}`:                  `the first object is no header: found "a"; needed are trade_no`,
		`{"trade_no":"1"}`:         `columns are missing: needed are trade_no`,
		wide.String() + "}":        "more than 500 different keys",
		wide.String() + `,"a":2}`:  "more than 500 different keys", // a key that stands twice is not looked for among so many
		"{}\n{\"trade_no\":\"\xff": "line 2 is neither UTF-8 nor GBK",
	} {
		if _, err := Open(file(t, content), nil, OpenOptions{}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.40s: got %v, want it to say %q", content, err, says)
		}
	}
}
