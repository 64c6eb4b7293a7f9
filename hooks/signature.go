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
	// SignatureHeader contains the time of sending, in Unix seconds, and the signature:
	// t=UNIX,v1=HEX, where HEX is the HMAC-SHA256 of the time, a dot, and the body, with the
	// hook's secret as the key.
	SignatureHeader = "Event-Worker-Signature"
	// DeliveryHeader contains the delivery's id, which is the same in all attempts.
	DeliveryHeader = "Event-Worker-Delivery"
)

// ErrSignature means that a signature does not match, or that its time is out of tolerance.
var ErrSignature = errors.New("the signature is not valid")

// Sign returns the SignatureHeader of a body that is sent at a time.
func Sign(secret, body []byte, at time.Time) string {
	return fmt.Sprintf("t=%d,v1=%s", at.Unix(), hex.EncodeToString(sum(secret, body, at.Unix())))
}

// Verify is for receivers: it returns ErrSignature unless a SignatureHeader matches the body,
// and its time differs from now by no more than the tolerance.
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
