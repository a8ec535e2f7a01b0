package alipay

import (
	"errors"
	"fmt"
	"time"
)

// Answer is what came back, and what it means.
type Answer struct {
	Outcome      Outcome
	Code         string    // normalized error code; empty on a success or without an answer
	TradeStatus  string    // as it came, if the answer verifies and is about our trade
	RefundStatus string    // the same
	Verified     bool      // a signature was there and is right
	Unverified   bool      // a success whose signature is missing or wrong
	Complete     bool      // a whole document in Alipay's form was read: the gateway is done with the call
	HTTPStatus   int       // 0: no answer
	Date         time.Time // of queries: the gateway's clock when it answered, in whole seconds; zero: not said
	Body         string    // for the record: decoded, buyer's data masked, without sign, at most 4 KiB
	Err          error     // why Outcome is Unknown; short, without key, sign and buyer's data
}

// ParseShipAnswer reads the answer to a ship call about a trade. It is total: whatever comes is an
// Answer. Succeeded needs T, a right signature, our trade and a status that means shipped; T in any
// other form is Unknown, since shipping twice answers T too (U7) and the rule of this signature is a guess.
func ParseShipAnswer(c *Credentials, tradeNo string, httpStatus int, contentType string, body []byte) Answer {
	return c.parse(tradeNo, httpStatus, contentType, body, "tradeBase", func(a *Answer) error {
		if StateOf(a.TradeStatus) != AlreadyShipped {
			return fmt.Errorf("is_success T, but the trade is %q", a.TradeStatus)
		}
		return nil
	})
}

// ParseQueryAnswer reads the answer to a query of a trade. It is total as ParseShipAnswer is. seller_id is
// not compared: it may differ from the partner.
func ParseQueryAnswer(c *Credentials, tradeNo string, httpStatus int, contentType string, body []byte) Answer {
	return c.parse(tradeNo, httpStatus, contentType, body, "trade", func(a *Answer) error {
		if a.TradeStatus == "" {
			return errors.New("is_success T, but without a trade status")
		}
		return nil
	})
}

func (c *Credentials) parse(tradeNo string, httpStatus int, contentType string, body []byte, node string, confirm func(*Answer) error) Answer {
	doc, text, err := readDocument(contentType, body, node)
	a := Answer{HTTPStatus: httpStatus, Body: record(text)}
	switch {
	case httpStatus >= 500: // some proxy's word, not the gateway's
		a.Err = fmt.Errorf("the answer has HTTP status %d", httpStatus)
	case err != nil:
		a.Err = err
	default:
		a.Complete = true
		a.judge(c, doc, tradeNo, confirm)
	}
	a.Err = briefly(a.Err)
	return a
}

// partial is the Answer where reading broke off with an error. A document that is whole was all that was to come:
// some close a connection without ceremony, or not at all. Anything else is Unknown, and stands in the record as far as
// it came.
func partial(whole Answer, err error) Answer {
	if whole.Complete {
		return whole
	}
	return Answer{HTTPStatus: whole.HTTPStatus, Body: whole.Body, Err: briefly(err)}
}

// judge fills in what a whole document means.
func (a *Answer) judge(c *Credentials, doc *document, tradeNo string, confirm func(*Answer) error) {
	switch doc.success {
	case "T":
		a.judgeSuccess(c, doc, tradeNo, confirm)
	case "F":
		a.judgeRefusal(c, doc)
	default:
		a.Err = errors.New("is_success is neither T nor F")
	}
}

func (a *Answer) judgeSuccess(c *Credentials, doc *document, tradeNo string, confirm func(*Answer) error) {
	if a.Err = c.verifySuccess(doc); a.Err != nil {
		a.Unverified = true // nobody vouches for its fields: none is kept
		return
	}
	a.Verified = true
	if doc.fields["trade_no"] != tradeNo {
		a.Err = errors.New("is_success T, but about another trade")
		return
	}
	a.TradeStatus, a.RefundStatus = doc.fields["trade_status"], doc.fields["refund_status"]
	if a.Err = confirm(a); a.Err == nil {
		a.Outcome = Succeeded
	}
}

func (a *Answer) judgeRefusal(c *Credentials, doc *document) {
	a.Code = clip(NormalizeCode(mask(doc.code)), maxCode)
	if doc.sign != "" { // an unsigned refusal is normal; the international gateway signs error=CODE
		if err := c.verifyAnswer(doc, Params{"error": doc.code}); err != nil {
			a.Err = fmt.Errorf("a refusal with a wrong signature: %w", err)
			return
		}
		a.Verified = true
	}
	if a.Outcome = Classify(doc.code); a.Outcome == Unknown {
		a.Err = fmt.Errorf("refused with code %q, which does not say whether the call took effect", a.Code)
	}
}

func (c *Credentials) verifySuccess(doc *document) error {
	switch {
	case len(doc.fields) == 0:
		return errors.New("is_success T without the trade: unconfirmed")
	case doc.sign == "":
		return errors.New("is_success T without a signature")
	}
	return c.verifyAnswer(doc, doc.fields)
}

// verifyAnswer checks an answer's signature over p. Its sign_type, which nothing protects, may be left out: the
// configured one is what counts either way.
func (c *Credentials) verifyAnswer(doc *document, p Params) error {
	signType := doc.signType
	if signType == "" {
		signType = string(c.SignType)
	}
	return c.Verify(p, doc.charset, signType, doc.sign)
}
