package intake

import (
	"strings"

	"fahuo/internal/shipment"
)

// FieldRow stands in rejections for a row that is wrong as a whole: which value belongs to which column
// cannot be told.
const FieldRow = "row"

// reader turns records into shipments.
type reader struct {
	header   header
	accounts accounts
	batch    string
	urgent   bool
}

// shipment reads one row. The shipment is normalized even when the row is refused, so that its number can
// be named.
func (r reader) shipment(rec record) (shipment.Shipment, *shipment.FieldError) {
	if fault := r.wholeRow(rec); fault.Form != "" {
		return shipment.Shipment{}, shipment.Refuse(FieldRow, fault)
	}
	get := func(field string) string {
		if i, ok := r.header.at[field]; ok && i < len(rec.cells) {
			return shipment.Unwrap(rec.cells[i])
		}
		return ""
	}
	s := shipment.Shipment{
		TradeNo: get(shipment.FieldTradeNo), LogisticsName: get(shipment.FieldLogisticsName),
		InvoiceNo: get(shipment.FieldInvoiceNo), TransportType: get(shipment.FieldTransportType),
		CreateTransportType: get(shipment.FieldCreateTransportType), SellerIP: get(shipment.FieldSellerIP),
		OrderRef: get(shipment.FieldOrderRef), Batch: r.batch,
	}
	if !r.header.hasTransport() {
		s.TransportType = shipment.TransportExpress
	}
	s = s.Normalize()
	if fault := spoilt(s, get(shipment.FieldPartner)); fault != nil {
		return s, fault
	}
	var fault *shipment.FieldError
	if s.Partner, fault = r.accounts.resolve(get(shipment.FieldPartner)); fault != nil {
		return s, fault
	}
	urgent, fault := parseUrgent(get(fieldUrgent))
	if fault != nil {
		return s, fault
	}
	s.Urgent = urgent || r.urgent
	return s, asFieldError(s.Validate())
}

// wholeRow says what is wrong with a row before its values are looked at.
func (r reader) wholeRow(rec record) shipment.Words {
	have, want := len(rec.cells), len(r.header.cells)
	if r.header.ragged() {
		have = want
	}
	switch {
	case rec.fault != "":
		return shipment.Words{Form: rec.fault}
	case strings.ContainsRune(strings.Join(rec.cells, ""), 0):
		return words("contains a NUL byte: the row is damaged; write it anew")
	case have > want:
		return words("has %d columns, the header has %d; is there a comma inside a value without quotes?", have, want)
	case have < want:
		return words("has %d columns, the header has %d; is a value missing, or the line cut off?", have, want)
	case r.header.notes >= 0 && len(rec.cells) > r.header.notes+1 && trim(rec.cells[r.header.notes+1]) == FieldRow:
		// Laid out in columns again the values may stand under the wrong ones, and would be accepted there.
		return words("was refused as a whole when it was imported before; put each value into its column, then empty the row's \"field\" cell")
	}
	return shipment.Words{}
}

func asFieldError(err error) *shipment.FieldError {
	if err == nil {
		return nil
	}
	if fault, ok := err.(*shipment.FieldError); ok { //nolint:errorlint // what Validate promises to return
		return fault
	}
	return &shipment.FieldError{Field: FieldRow, Reason: err.Error()}
}

func parseUrgent(value string) (bool, *shipment.FieldError) {
	switch strings.ToLower(value) {
	case "yes", "y", "1", "true", "是", "加急":
		return true, nil
	case "", "no", "n", "0", "false", "否":
		return false, nil
	}
	return false, shipment.Refuse(fieldUrgent, words("%.40q is neither yes (是, 1) nor no (否, 0)", value))
}
