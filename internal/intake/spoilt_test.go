package intake

import "testing"

func TestLooksCut(t *testing.T) {
	for no, want := range map[string]bool{
		"2026112300001001000000000001": false,
		"2026112300001000000000000000": true, // 15 digits kept, the last two of them 0
		"2026112300001230000000000000": true,
		"2026112300001234000000000000": false, // 16
		"2026112300001000874596892672": true,  // the nearest float64
		"2026112500000000000000000000": false, // nobody has cut this
		"2026112300001000":             false, // 16 digits tell nothing
		"202611230000100000000000":     true,
		"20261123000010000000000":      false,
	} {
		if got := looksCut(no); got != want {
			t.Errorf("%s: %v", no, got)
		}
	}
}
