package intake

import (
	"encoding/json"
	"testing"
	"time"
)

func TestSummaryJSON(t *testing.T) {
	t.Parallel()
	path := "in.csv.rejected.csv"
	for _, c := range []struct {
		sum  Summary
		want string
	}{
		{
			Summary{Batch: "b", Rejections: []Rejection{}},
			`{"batch":"b","accepted":0,"already":0,"conflicts":0,"rejected":0,"eta":null,"rejected_file":null,"rejections":[]}`,
		},
		{
			Summary{
				Batch: "b", Accepted: 1, Already: 2, Conflicts: 3, Rejected: 4, RejectedFile: &path,
				ETA: Time{time.Date(2026, 11, 23, 6, 0, 0, 1, time.UTC)}, Rejections: []Rejection{{2, "1", "trade_no", "short"}},
			},
			`{"batch":"b","accepted":1,"already":2,"conflicts":3,"rejected":4,"eta":"2026-11-23T14:00:01+08:00","rejected_file":"in.csv.rejected.csv",` +
				`"rejections":[{"line":2,"trade_no":"1","field":"trade_no","reason":"short"}]}`,
		},
	} {
		got, err := json.Marshal(c.sum)
		if err != nil || string(got) != c.want {
			t.Errorf("got %s, %v", got, err)
		}
	}
	if got := (Time{time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)}).String() + (Time{}).String(); got != "2026-11-23 14:00:00 +08:00not known yet" {
		t.Errorf("got %s", got)
	}
}
