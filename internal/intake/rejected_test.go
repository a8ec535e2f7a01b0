package intake

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// What was refused can be corrected in its own file and imported from there; cells are as they were.
func TestRejectedFileRoundTrip(t *testing.T) {
	t.Parallel()
	book := openBook(t, partner)
	path := file(t, "交易号;物流公司;备注;运输方式\n"+
		"=\""+trade(1)+"\";顺丰;\"a\"\"b\nc\";飞\n"+
		trade(2)+";顺丰;;快递\n"+
		trade(3)+";顺丰;=1+1;快递;too;many\n")
	sum := imported(t, book, path, Options{})
	if sum.Accepted != 1 || sum.Rejected != 2 || sum.RejectedFile == nil || *sum.RejectedFile != path+".rejected.csv" {
		t.Fatalf("got %+v", sum)
	}
	content, err := os.ReadFile(*sum.RejectedFile)
	if err != nil {
		t.Fatal(err)
	}
	want := "\xEF\xBB\xBF交易号,物流公司,备注,运输方式,,,line,field,reason\n" +
		"\"=\"\"" + trade(1) + "\"\"\",顺丰,\"a\"\"b\nc\",飞,,,2,transport_type,\"\"\"飞\"\" is not a transport type; use POST (平邮), EXPRESS (快递), EMS or DIRECT (无需物流)\"\n" +
		trade(3) + ",顺丰,=1+1,快递,too,many,5,row,\"has 6 columns, the header has 4; is there a comma inside a value without quotes?\"\n"
	if string(content) != want {
		t.Fatalf("got %s, want %s", content, want)
	}
	corrected := strings.NewReplacer(",飞,", ",快递,", ",too,many,5,row,", ",,,5,,").Replace(string(content))
	if err := os.WriteFile(*sum.RejectedFile, []byte(corrected), 0o600); err != nil {
		t.Fatal(err)
	}
	again := imported(t, book, *sum.RejectedFile, Options{Warn: func(m Warning) {
		if strings.Contains(m.String(), "line") || strings.Contains(m.String(), "reason") {
			t.Errorf("our own columns are unknown: %s", m)
		}
	}})
	if again.Accepted != 2 || again.Refused() {
		t.Errorf("got %+v", again)
	}
}

// Its notes are written anew, not behind the old ones.
func TestNotesDoNotPileUp(t *testing.T) {
	t.Parallel()
	book := openBook(t, partner)
	sum := imported(t, book, file(t, head+"x,顺丰\n"), Options{})
	again := imported(t, book, *sum.RejectedFile, Options{})
	content, err := os.ReadFile(*again.RejectedFile)
	if err != nil {
		t.Fatal(err)
	}
	if first, _, _ := strings.Cut(string(content), "\n"); first != "\xEF\xBB\xBF交易号,物流公司,line,field,reason" {
		t.Errorf("got %q", first)
	}
}

// Corrections in a file of refused rows are not overwritten by importing the whole file again, however often.
func TestCorrectionsAreKept(t *testing.T) {
	t.Parallel()
	book := openBook(t, partner)
	path := file(t, head+"x,顺丰\n")
	first := imported(t, book, path, Options{DryRun: true})
	if first.OlderRejectedFile != nil {
		t.Errorf("got %+v", first)
	}
	if again := imported(t, book, path, Options{}); again.OlderRejectedFile != nil {
		t.Errorf("the same refusals are no other file: %s", *again.OlderRejectedFile)
	}
	for n, correction := range []string{"corrected", "and corrected again"} {
		if err := os.WriteFile(*first.RejectedFile, []byte(correction), 0o600); err != nil {
			t.Fatal(err)
		}
		sum := imported(t, book, path, Options{})
		want := path + ".rejected.csv." + strconv.Itoa(n+1)
		if sum.OlderRejectedFile == nil || *sum.OlderRejectedFile != want {
			t.Fatalf("got %+v, want %s", sum, want)
		}
		if kept, err := os.ReadFile(want); err != nil || string(kept) != correction {
			t.Errorf("%s: %q, %v", want, kept, err)
		}
		if now, err := os.ReadFile(*sum.RejectedFile); err != nil || !strings.Contains(string(now), "x,顺丰,2,trade_no") {
			t.Errorf("%q, %v", now, err)
		}
	}
	if err := os.WriteFile(path, []byte(head+trade(1)+",顺丰\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if sum := imported(t, book, path, Options{}); sum.RejectedFile != nil || sum.OlderRejectedFile == nil || *sum.OlderRejectedFile != path+".rejected.csv" {
		t.Errorf("got %+v", sum)
	}
}

// Where the file of refused rows cannot be written, what was accepted stays and the reasons are told.
func TestRejectedFileCannotBeWritten(t *testing.T) {
	t.Parallel()
	book := openBook(t, partner)
	path := file(t, head+trade(1)+",顺丰\nx,顺丰\n")
	if err := os.Mkdir(path+".rejected.csv", 0o700); err != nil {
		t.Fatal(err)
	}
	sum, err := importInto(t.Context(), t, book, path, Options{})
	if err == nil || sum.Accepted != 1 || sum.RejectedFile != nil || len(sum.Rejections) != 1 {
		t.Errorf("got %+v, %v", sum, err)
	}
	if !strings.Contains(err.Error(), "make the directory writable for this user, or go to one that is and hand the rows over as standard input") {
		t.Errorf("it does not say what to do: %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".rejected-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
