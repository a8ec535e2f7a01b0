package main

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/xuri/excelize/v2"
)

// byExcelize writes workbooks.
func byExcelize(dir string) error {
	return errors.Join(
		workbook(filepath.Join(dir, "excelize.xlsx"), func(f *excelize.File) error { return fill(f, "Sheet1", traps) }),
		workbook(filepath.Join(dir, "sheets.xlsx"), func(f *excelize.File) error {
			return errors.Join(few(f, "Sheet1", 1), few(f, "退货", 2), few(f, "隐藏", 3), notes(f, "说明"), f.SetSheetVisible("隐藏", false))
		}),
		workbook(filepath.Join(dir, "onesheet.xlsx"), func(f *excelize.File) error {
			return errors.Join(notes(f, "Sheet1"), few(f, "发货", 1), few(f, "隐藏", 3), f.SetSheetVisible("隐藏", false))
		}),
		workbook(filepath.Join(dir, "noheader.xlsx"), func(f *excelize.File) error { return notes(f, "Sheet1") }),
		workbook(filepath.Join(dir, "password.xlsx"), func(f *excelize.File) error { return few(f, "Sheet1", 1) }, excelize.Options{Password: "secret"}),
	)
}

func workbook(path string, fill func(*excelize.File) error, o ...excelize.Options) error {
	f := excelize.NewFile()
	return errors.Join(fill(f), f.SaveAs(path, o...), f.Close(), os.Chmod(path, 0o644))
}

// few is a sheet with one parcel.
func few(f *excelize.File, sheet string, n int) error {
	if _, err := f.NewSheet(sheet); err != nil {
		return err
	}
	return fill(f, sheet, []row{{cells: texts("订单号", "交易号", "物流公司", "运单号", "运输方式", "加急")}, {cells: parcel(n, 0, cell{}).cells[:6]}})
}

// notes is a sheet without shipments, that talks of them.
func notes(f *excelize.File, sheet string) error {
	if _, err := f.NewSheet(sheet); err != nil {
		return err
	}
	return fill(f, sheet, []row{{cells: texts("发货说明")}, {cells: texts("请填写交易号和物流公司")}, {cells: texts("", "物流公司", "顺丰、圆通")}})
}

func fill(f *excelize.File, sheet string, rows []row) error {
	styles := make(map[kind]int)
	for as, code := range map[kind]string{padded: "0000000000", date: "yyyy-mm-dd"} {
		style, err := f.NewStyle(&excelize.Style{CustomNumFmt: &code})
		if err != nil {
			return err
		}
		styles[as] = style
	}
	for y, r := range rows {
		for x, c := range r.cells {
			at, err := excelize.CoordinatesToCellName(x+1, y+1)
			if err == nil {
				err = put(f, sheet, at, c, styles)
			}
			if err != nil {
				return err
			}
		}
		if r.hidden {
			if err := f.SetRowVisible(sheet, y+1, false); err != nil {
				return err
			}
		}
		if r.merged > 0 {
			from, _ := excelize.CoordinatesToCellName(1, y+1)
			to, _ := excelize.CoordinatesToCellName(r.merged, y+1)
			if err := f.MergeCell(sheet, from, to); err != nil {
				return err
			}
		}
		if len(r.cells) == 0 { // empty, and styled all the same
			at, _ := excelize.CoordinatesToCellName(2, y+1)
			if err := f.SetCellStyle(sheet, at, at, styles[date]); err != nil {
				return err
			}
		}
	}
	return nil
}

func put(f *excelize.File, sheet, at string, c cell, styles map[kind]int) error {
	switch c.as {
	case number, padded:
		n, err := strconv.ParseFloat(c.value, 64)
		return errors.Join(err, f.SetCellValue(sheet, at, n), f.SetCellStyle(sheet, at, at, styles[c.as]))
	case date:
		when, err := time.Parse(time.DateOnly, c.value)
		return errors.Join(err, f.SetCellValue(sheet, at, when), f.SetCellStyle(sheet, at, at, styles[date]))
	case boolean:
		return f.SetCellBool(sheet, at, c.value == "true")
	case formula, sum: // without a result: excelize does not calculate
		return f.SetCellFormula(sheet, at, "0+"+c.value)
	case failed, text:
	}
	if c.value == "" {
		return nil
	}
	return f.SetCellStr(sheet, at, c.value)
}
