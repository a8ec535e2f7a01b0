package intake

import (
	"bytes"
	"strconv"
	"strings"
	"testing"
)

// wideFile is a header of some columns and the given rows.
func wideFile(columns int, rows string) string {
	return "交易号,物流公司" + strings.Repeat(",", columns-2) + "\n" + rows
}

// One row of a million commas is refused, and does not widen the others in the file of refused rows: a megabyte would
// become one of each.
func TestOneWideRowDoesNotWidenTheOthers(t *testing.T) {
	t.Parallel()
	const short = 1000
	wide := trade(1) + strings.Repeat(",", 1_000_000)
	var table bytes.Buffer
	sum := imported(t, openBook(t, partner), file(t, head+wide+"\n"+strings.Repeat("1,1\n", short)), Options{Refused: func(r *Refused) error {
		return r.WriteCSV(&table)
	}})
	if sum.Rejected != short+1 || sum.Rejections[0].Reason != tooWide || sum.Rejections[0].Line != 2 {
		t.Fatalf("%d are refused, the first %+v", sum.Rejected, sum.Rejections[0])
	}
	if table.Len() > 4<<20 || !strings.Contains(table.String(), trade(1)+",,,") {
		t.Errorf("the refused rows take %d bytes: %.200s", table.Len(), table.String())
	}
}

// Whatever is read may have its refused rows read again, which have three columns more.
func TestTheWidestThatIsRead(t *testing.T) {
	t.Parallel()
	book := openBook(t, partner)
	good := trade(1) + ",顺丰" + strings.Repeat(",", maxColumns-2) + "\n"
	bad := "x,顺丰" + strings.Repeat(",", maxColumns-2) + "\n"
	sum := imported(t, book, file(t, wideFile(maxColumns, good+bad+bad[:len(bad)-1]+",\n")), Options{})
	if sum.Accepted != 1 || sum.Rejected != 2 || sum.Rejections[0].Field != "trade_no" || sum.Rejections[1].Reason != tooWide {
		t.Fatalf("got %+v", sum)
	}
	if again := imported(t, book, *sum.RejectedFile, Options{}); again.Rejected != 2 || again.Rejections[0].Field != "trade_no" || again.Rejections[1].Field != FieldRow {
		t.Errorf("again: %+v", again)
	}
	if text := strconv.Itoa(maxColumns); !strings.Contains(tooWide, text) {
		t.Errorf("%q is not about %s columns", tooWide, text)
	}
}
