package alipay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// ServiceNotifyVerify asks whether Alipay has sent a notification, and lately.
const ServiceNotifyVerify = "notify_verify"

// verifyTimeout bounds one notify_verify, connecting included: the sender of the notification waits for it.
const verifyTimeout = 10 * time.Second

// What notify_verify answers, in plain text.
const (
	notifyGenuine = "true"
	notifyForeign = "false"   // not sent by Alipay, or too long ago
	notifyInvalid = "invalid" // the question itself is wrong
)

// VerifyNotification asks Alipay whether it has sent the notification of that id to this account: a right signature
// alone may be an old one's. Only the answer that is exactly true says so, and only false and invalid say that it has
// not; any other answer, or none, is an error and means that it is not known. It takes ten seconds at most.
//
// The question has its own connection and follows no redirect, as a query (S1). It is a GET with exactly three
// parameters and no signature; the id is encoded as it is, since a literal %2F in it is part of it. No error shows it.
func (c *Client) VerifyNotification(ctx context.Context, creds *Credentials, notifyID string) (genuine bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, verifyTimeout)
	defer cancel()
	target := *c.url
	target.RawQuery = url.Values{"service": {ServiceNotifyVerify}, "partner": {creds.Partner}, "notify_id": {notifyID}}.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), http.NoBody)
	if err != nil {
		return false, errors.New("notify_verify: the question cannot be put")
	}
	request.Header.Set("Accept-Encoding", "identity") // a packed answer could not be read
	request.Header.Set("User-Agent", c.userAgent)
	response, err := c.queries.Do(request)
	if err != nil {
		var inURL *url.Error // which shows the address with the id in it
		if errors.As(err, &inURL) {
			err = inURL.Err
		}
		return false, briefly(fmt.Errorf("notify_verify: %w", explainTLS(c.url.Hostname(), err)))
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, int64(len(notifyInvalid))+1))
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return false, briefly(fmt.Errorf("notify_verify: read the answer: %w", err))
	}
	if response.StatusCode != http.StatusOK {
		return false, fmt.Errorf("notify_verify: HTTP status %d", response.StatusCode)
	}
	switch string(body) { // nothing is trimmed
	case notifyGenuine:
		return true, nil
	case notifyForeign, notifyInvalid:
		return false, nil
	}
	return false, errors.New("notify_verify: the answer is none of true, false and invalid")
}
