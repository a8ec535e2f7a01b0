package desk

import (
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// caseForm is what stands in the forms of a case: what the shipment has, or what somebody has typed.
type caseForm struct {
	Act       string // the form that was refused; empty: none
	Wrong     string // the field that is wrong
	Fault     string // the key of what is wrong with it
	Detail    string // which other field it is, for the key
	Logistics string
	Invoice   string
	Transport string
	Looked    bool
	Why       string
	Note      string
}

// typed is a form as it was sent, with what was wrong.
func (q *request) typed(act string, wrong *shipment.FieldError) caseForm {
	return caseForm{
		Act: act, Wrong: wrong.Field, Fault: faultOf(wrong.Field), Detail: mask(wrong.Error()),
		Logistics: q.PostFormValue(shipment.FieldLogisticsName), Invoice: q.PostFormValue(shipment.FieldInvoiceNo),
		Transport: q.PostFormValue(shipment.FieldTransportType), Looked: q.PostFormValue("looked") == "yes",
		Why: q.PostFormValue("why"), Note: q.PostFormValue("note"),
	}
}

// faultOf is the sentence about a field that is wrong. Fields that this page cannot mend share one.
func faultOf(field string) string {
	switch field {
	case shipment.FieldLogisticsName, shipment.FieldInvoiceNo, shipment.FieldTransportType, "why", "note", "looked":
		return "fault." + field
	}
	return "fault.other"
}

// filled puts the shipment's own details into a form that nobody has typed into.
func (f caseForm) filled(r ledger.Row) caseForm {
	if f.Act != "send" {
		f.Logistics, f.Invoice, f.Transport = r.LogisticsName, r.InvoiceNo, r.TransportType
	}
	return f
}

// Transports are the choices; a shipment that names none keeps the one of its trade.
func (f caseForm) Transports() []string {
	all := []string{shipment.TransportExpress, shipment.TransportEMS, shipment.TransportPost, shipment.TransportDirect}
	switch f.Transport {
	case shipment.TransportExpress, shipment.TransportEMS, shipment.TransportPost, shipment.TransportDirect:
		return all
	}
	return append([]string{f.Transport}, all...)
}
