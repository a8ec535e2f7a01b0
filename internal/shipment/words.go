package shipment

import "fmt"

// Words are a sentence and the values in it, apart, so that it can be said in another language. Form is English, as fmt
// has it, and never changes without what is said elsewhere in its place.
type Words struct {
	Form string
	Args []any
}

func (w Words) String() string {
	if len(w.Args) == 0 {
		return w.Form
	}
	return fmt.Sprintf(w.Form, w.Args...)
}

// Refuse is a field and what is wrong with it.
func Refuse(field string, why Words) *FieldError {
	return &FieldError{Field: field, Reason: why.String(), Words: why}
}
