package webhook

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const secretPrefix = "whsec_"

// The convention's bounds on a secret, in bytes.
const (
	minSecret = 24
	maxSecret = 64
)

// newSigner checks a secret. No error shows any of it.
func newSigner(secret string) (*standardwebhooks.Webhook, error) {
	text, ok := strings.CutPrefix(secret, secretPrefix)
	raw, err := base64.StdEncoding.DecodeString(text)
	switch {
	case secret == "":
		return nil, errors.New("it is empty")
	case !ok || err != nil:
		return nil, errors.New(`it is not whsec_ and base64; make one with: printf 'whsec_%s\n' "$(openssl rand -base64 32)"`)
	case len(raw) < minSecret || len(raw) > maxSecret:
		return nil, fmt.Errorf("it has %d bytes, and the convention asks for %d to %d", len(raw), minSecret, maxSecret)
	}
	return standardwebhooks.NewWebhook(secret)
}

// sign sets the headers of a message: its id, the time of this attempt, and a signature by every secret, so that a
// receiver that knows the old one or the new one verifies it.
func (w Webhook) sign(header http.Header, id string, at time.Time, body []byte) error {
	signatures := make([]string, len(w.signers))
	for i, s := range w.signers {
		var err error
		if signatures[i], err = s.Sign(id, at, body); err != nil {
			return err
		}
	}
	header.Set(standardwebhooks.HeaderWebhookID, id)
	header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
	header.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	return nil
}
