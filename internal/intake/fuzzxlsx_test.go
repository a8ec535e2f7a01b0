package intake

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzOpenXLSX reads any bytes as the rows of a sound workbook: they are refused as a whole, or each row of them becomes a
// shipment or is refused by name, and what was refused can be read again.
func FuzzOpenXLSX(f *testing.F) {
	sound, err := os.ReadFile("testdata/onesheet.xlsx")
	if err != nil {
		f.Fatal(err)
	}
	const head = `<worksheet><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>交易号</t></is></c><c r="B1" t="str"><v>物流公司</v></c></row>`
	for _, rows := range []string{
		`<row r="2"><c r="A2"><v>2.0261123000010009E+27</v></c><c r="B2" t="s"><v>0</v></c></row></sheetData></worksheet>`,
		`<row><c><v>1</v></c><c t="b"><v>1</v></c></row><row r="9"/></sheetData></worksheet>`,
		`<row r="2"><c r="B2" t="e"><v>#N/A</v></c><c r="ZZ2"><f>1</f></c></row></sheetData>`,
		`<row r="2"><c r="A2" s="99" t="s"><v>-1</v></c></row>`,
	} {
		f.Add([]byte(head + rows))
	}
	f.Add([]byte(`<worksheet/>`))
	f.Fuzz(func(t *testing.T, sheet []byte) {
		if len(sheet) == 0 {
			return
		}
		path := filepath.Join(t.TempDir(), "in.xlsx")
		if err := os.WriteFile(path, replacePart(t, sound, "xl/worksheets/sheet2.xml", string(sheet)), 0o600); err != nil {
			t.Fatal(err)
		}
		source, err := Open(path, nil, OpenOptions{Sheet: "发货"})
		if err != nil {
			return
		}
		defer func() {
			if err := source.Close(); err != nil {
				t.Error(err)
			}
		}()
		read(t, source)
	})
}
