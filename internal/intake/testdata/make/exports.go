package main

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// alipay is an export of the account's transactions (交易明细) to which a clerk has added courier and waybill.
const alipay = `#支付宝业务明细查询
#账号：[20880000000000010156]
#起始日期：[2026年11月23日 00:00:00]   终止日期：[2026年11月24日 00:00:00]
#-----------------------------------------业务明细列表----------------------------------------
支付宝交易号,商户订单号,业务类型,商品名称,创建时间,订单金额（元）,物流公司,运单号
2026112300001001000000000001	,A-1001	,交易,杯子,2026-11-23 00:00:12,19.90,顺丰速运,SF1
` + "`2026112300001001000000000002,`A-1002,交易,\"杯子, 大\",2026-11-23 00:01:40,29.90,圆通速递,`YT2" + `
2.02611E+27,A-1003,交易,杯子,2026-11-23 00:02:01,19.90,顺丰速运,SF3
#A-1004,,交易,杯子,2026-11-23 00:02:09,19.90,顺丰速运,SF4
#-----------------------------------------业务明细列表结束------------------------------------
#订单金额合计：4笔，89.60元
#导出时间：[2026年11月24日 10:00:00]
`

// older is one as it was before.
const older = `支付宝交易记录明细查询
账号:[shop@example.com]
起始日期:[2026-11-23 00:00:00]    终止日期:[2026-11-24 00:00:00]
---------------------------------交易记录明细列表------------------------------------
交易号                  ,商家订单号               ,交易创建时间              ,金额（元）   ,物流公司,运单号
2026112300001001000000000003	,A-1005	,2026-11-23 09:00:00	,19.90   ,中通快递,ZT5
2026112300001001000000000004	,A-1006	,2026-11-23 09:01:00	,19.90   ,中通快递,ZT6
------------------------------------------------------------------------------------
共2笔记录
已收入:0笔,0.00元
待收入:2笔,39.80元
已支出:0笔,0.00元
导出时间:[2026-11-24 10:00:00]    用户:店主
`

const page = `<html><head><meta charset="gbk"></head><body><table><tr><td>交易号</td><td>物流公司</td></tr></table></body></html>`

// exports writes text files.
func exports(dir string) error {
	var errs []error
	for name, content := range map[string]string{"alipay.csv": alipay, "alipay-older.csv": older, "page.xls": page} {
		encoded, err := simplifiedchinese.GBK.NewEncoder().String(content)
		errs = append(errs, err, os.WriteFile(filepath.Join(dir, name), []byte(encoded), 0o644))
	}
	four, err := simplifiedchinese.GB18030.NewEncoder().String("交易号,物流公司\n" + trade(1) + ",𠀇丰速运\n")
	return errors.Join(append(errs, err, os.WriteFile(filepath.Join(dir, "gb18030.csv"), []byte(four), 0o644))...)
}
