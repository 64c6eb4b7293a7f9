package hooks

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The headers of a delivery.
const (
	// SignatureHeader has the time of sending and the signature: t=UNIX,v1=HEX, where HEX is
	// the HMAC-SHA256 of the time, a dot, and the body, under the hook's secret.
	SignatureHeader = "Event-Worker-Signature"
	// DeliveryHeader has the delivery's id, which stays the same when it is sent again.
	DeliveryHeader = "Event-Worker-Delivery"
)

// ErrSignature means that a delivery was not signed with the secret, or too long ago.
var ErrSignature = errors.New("the signature is not valid")

// Sign is the signature of a body that is sent at a time.
func Sign(secret, body []byte, at time.Time) string {
	return fmt.Sprintf("t=%d,v1=%s", at.Unix(), hex.EncodeToString(sum(secret, body, at.Unix())))
}

// Verify is for receivers: it returns ErrSignature unless a header is the signature of a body
// whose time is within the tolerance of now.
func Verify(secret []byte, header string, body []byte, now time.Time, tolerance time.Duration) error {
	at, signature, _ := strings.Cut(header, ",")
	unix, err1 := strconv.ParseInt(strings.TrimPrefix(at, "t="), 10, 64)
	given, err2 := hex.DecodeString(strings.TrimPrefix(signature, "v1="))
	if err1 != nil || err2 != nil || !hmac.Equal(given, sum(secret, body, unix)) || now.Sub(time.Unix(unix, 0)).Abs() > tolerance {
		return ErrSignature
	}
	return nil
}

func sum(secret, body []byte, unix int64) []byte {
	h := hmac.New(sha256.New, secret)
	fmt.Fprintf(h, "%d.", unix)
	h.Write(body)
	return h.Sum(nil)
}
