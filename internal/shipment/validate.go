package shipment

import (
	"fmt"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Names of fields, as they stand in files, payloads and errors.
const (
	FieldPartner             = "partner"
	FieldTradeNo             = "trade_no"
	FieldLogisticsName       = "logistics_name"
	FieldInvoiceNo           = "invoice_no"
	FieldTransportType       = "transport_type"
	FieldCreateTransportType = "create_transport_type"
	FieldSellerIP            = "seller_ip"
	FieldOrderRef            = "order_ref"
	FieldBatch               = "batch"
)

// Limits in characters. Alipay publishes none for the first two; ours are generous for any courier
// and small enough that a shifted column is noticed.
const (
	MaxLogisticsName = 64
	MaxInvoiceNo     = 32
	MaxOrderRef      = 128
	MaxBatch         = 128
)

// Transport types that Alipay knows (technical document of send_goods_confirm_by_platform).
const (
	TransportPost    = "POST"    // 平邮
	TransportExpress = "EXPRESS" // 快递
	TransportEMS     = "EMS"     // EMS
	TransportDirect  = "DIRECT"  // 无需物流
)

// FieldError says which field is wrong and what to do about it.
type FieldError struct {
	Field  string
	Reason string
	Words  Words // the reason once more, for whoever says it in another language; may be empty
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Reason }

func refuse(field, format string, args ...any) *FieldError {
	return Refuse(field, Words{format, args})
}

// Normalize returns the shipment with what people and exports put around values taken away: blanks
// everywhere, the wrapping of numbers, names of transport types in Chinese or lower case.
func (s Shipment) Normalize() Shipment {
	s.Partner = Unwrap(s.Partner)
	s.TradeNo = Unwrap(s.TradeNo)
	s.InvoiceNo = Unwrap(s.InvoiceNo)
	s.LogisticsName = strings.TrimSpace(s.LogisticsName)
	s.TransportType = TransportType(s.TransportType)
	s.CreateTransportType = TransportType(s.CreateTransportType)
	s.SellerIP = strings.TrimSpace(s.SellerIP)
	s.OrderRef = Unwrap(s.OrderRef)
	s.Batch = strings.TrimSpace(s.Batch)
	return s
}

// Unwrap removes what exports put around a number so that a spreadsheet keeps it as text: blanks,
// tabs, a leading ' or `, and ="…", in whatever order they were put there.
func Unwrap(s string) string {
	for {
		bare := strings.TrimSpace(s)
		if inner, ok := strings.CutPrefix(bare, `="`); ok && strings.HasSuffix(inner, `"`) {
			bare = strings.TrimSuffix(inner, `"`)
		}
		bare = strings.TrimSpace(strings.TrimLeft(bare, "'`"))
		if bare == s {
			return s
		}
		s = bare
	}
}

// TransportType translates a transport type as people write it (快递, express) into Alipay's word.
// What it does not know comes back trimmed, for Validate to refuse.
func TransportType(s string) string {
	s = strings.TrimSpace(s)
	switch upper := strings.ToUpper(s); upper {
	case TransportPost, TransportExpress, TransportEMS, TransportDirect:
		return upper
	}
	switch s {
	case "平邮":
		return TransportPost
	case "快递":
		return TransportExpress
	case "无需物流":
		return TransportDirect
	}
	return s
}

// Validate checks a normalized shipment against the rules of the interface (G3, G4, G5) and returns
// the first fault as a *FieldError, or nil.
func (s Shipment) Validate() error {
	checks := []func() *FieldError{
		func() *FieldError { return checkPartner(s.Partner) },
		func() *FieldError { return checkTradeNo(s.TradeNo) },
		s.checkTransport,
		s.checkLogisticsName,
		func() *FieldError { return checkInvoiceNo(s.InvoiceNo) },
		func() *FieldError { return checkIP(s.SellerIP) },
		func() *FieldError { return checkNote(FieldOrderRef, s.OrderRef, MaxOrderRef) },
		func() *FieldError { return checkNote(FieldBatch, s.Batch, MaxBatch) },
	}
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// CheckPartner refuses what cannot be a merchant's account id: 16 digits beginning with 2088.
func CheckPartner(partner string) error {
	if err := checkPartner(partner); err != nil {
		return err
	}
	return nil
}

// CheckBatch refuses what cannot be the name of a batch.
func CheckBatch(batch string) error {
	if err := checkNote(FieldBatch, batch, MaxBatch); err != nil {
		return err
	}
	return nil
}

func checkPartner(partner string) *FieldError {
	switch {
	case partner == "":
		return refuse(FieldPartner, "is missing; give the merchant's account id, 16 digits beginning with 2088")
	case len(partner) != 16 || !digits(partner) || !strings.HasPrefix(partner, "2088"):
		return refuse(FieldPartner, "%s is not 16 digits beginning with 2088", quote(partner))
	}
	return nil
}

// Rounded is what to do about a number that a spreadsheet has spoilt.
func Rounded(value string) Words {
	return Words{
		"%s was turned into a rounded number by a spreadsheet and its last digits are lost; format the column as text and enter the numbers anew",
		[]any{quote(value)},
	}
}

func checkTradeNo(no string) *FieldError {
	switch {
	case no == "":
		return refuse(FieldTradeNo, "is missing; give Alipay's trade number")
	case looksRounded(no):
		return Refuse(FieldTradeNo, Rounded(no))
	case !digits(no):
		return refuse(FieldTradeNo, "%s is not a trade number: only digits are allowed", quote(no))
	case len(no) < 16 || len(no) > 64:
		return refuse(FieldTradeNo, "%s has %d digits; Alipay's trade numbers have 16 to 64", quote(no), len(no))
	}
	return nil
}

// looksRounded recognizes numbers such as 2.01E+27 or 2015092400001000100080038061.0.
func looksRounded(s string) bool {
	mantissa, exponent, found := strings.Cut(strings.ToUpper(s), "E")
	if found {
		exponent = strings.TrimLeft(exponent, "+")
		return digits(exponent) && digits(strings.Replace(mantissa, ".", "", 1))
	}
	whole, fraction, found := strings.Cut(s, ".")
	return found && digits(whole) && digits(fraction)
}

// checkInvoiceNo refuses 7.7E+13, too: waybill numbers of digits alone are spoilt as trade numbers are. One
// with an E and without a plus may be a courier's own.
func checkInvoiceNo(no string) *FieldError {
	if strings.Contains(no, "+") && looksRounded(no) {
		return Refuse(FieldInvoiceNo, Rounded(no))
	}
	return checkText(FieldInvoiceNo, no, MaxInvoiceNo)
}

func (s Shipment) checkTransport() *FieldError {
	if s.TransportType == "" && s.CreateTransportType == "" {
		return refuse(FieldTransportType, "is missing; give POST (平邮), EXPRESS (快递), EMS or DIRECT (无需物流)")
	}
	if err := checkTransportType(FieldTransportType, s.TransportType); err != nil {
		return err
	}
	return checkTransportType(FieldCreateTransportType, s.CreateTransportType)
}

func checkTransportType(field, value string) *FieldError {
	switch value {
	case "", TransportPost, TransportExpress, TransportEMS, TransportDirect:
		return nil
	}
	return refuse(field, "%s is not a transport type; use POST (平邮), EXPRESS (快递), EMS or DIRECT (无需物流)", quote(value))
}

func (s Shipment) checkLogisticsName() *FieldError {
	if s.LogisticsName == "" {
		if s.TransportType == TransportDirect || (s.TransportType == "" && s.CreateTransportType == TransportDirect) {
			return nil
		}
		return refuse(FieldLogisticsName, "is missing; give the courier's name (only DIRECT, 无需物流, goes without)")
	}
	return checkText(FieldLogisticsName, s.LogisticsName, MaxLogisticsName)
}

// checkText refuses what must not reach Alipay: & and = make the signed string ambiguous, control
// characters and half characters are never meant.
func checkText(field, value string, most int) *FieldError {
	if err := checkNote(field, value, most); err != nil {
		return err
	}
	if i := strings.IndexAny(value, "&="); i >= 0 {
		return refuse(field, "%s contains %q, which Alipay's signature cannot carry; leave it out", quote(value), value[i])
	}
	return nil
}

func checkNote(field, value string, most int) *FieldError {
	if !utf8.ValidString(value) || strings.ContainsRune(value, utf8.RuneError) {
		return refuse(field, "contains a broken character; save the file as UTF-8 or GBK and import it again")
	}
	for _, r := range value {
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
			return refuse(field, "%s contains a control or invisible character (U+%04X); remove it", quote(value), r)
		}
	}
	if n := utf8.RuneCountInString(value); n > most {
		return refuse(field, "has %d characters, %d are allowed", n, most)
	}
	return nil
}

func checkIP(ip string) *FieldError {
	if ip == "" {
		return nil
	}
	if addr, err := netip.ParseAddr(ip); err != nil || addr.Zone() != "" {
		return refuse(FieldSellerIP, "%s is not an IP address", quote(ip))
	}
	return nil
}

func digits(s string) bool {
	if s == "" {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// quote shows a value in an error without letting a long or hostile one flood the reader.
func quote(s string) string {
	const most = 40
	if utf8.RuneCountInString(s) > most {
		s = string([]rune(s)[:most]) + "…"
	}
	return fmt.Sprintf("%q", s)
}
