package hooks

import (
	"net/http"
	"testing"
	"time"
)

// No header but that of the signer, or another spelling of its digits, is valid.
func FuzzVerify(f *testing.F) {
	secret, now := []byte("secret"), time.Unix(1_700_000_000, 0)
	f.Add(Sign(secret, []byte("body"), now), []byte("body"))
	f.Add("t=9223372036854775807,v1=", []byte{})
	f.Add("t=1700000000,v1="+Sign(secret, nil, now), []byte{})
	f.Fuzz(func(t *testing.T, header string, body []byte) {
		if Verify([]byte("another secret"), header, body, now, time.Minute) == nil {
			t.Fatal("it is valid for another secret")
		}
		if Verify(secret, header, body, now, time.Minute) == nil && Verify(secret, header, append(body, 'x'), now, time.Minute) == nil {
			t.Fatal("it is valid for another body")
		}
		if err := Verify(secret, Sign(secret, body, now), body, now, time.Minute); err != nil {
			t.Fatal(err)
		}
	})
}

// Whatever a receiver asks for, it waits no longer than an hour.
func FuzzRetryAfter(f *testing.F) {
	f.Add("120")
	f.Add("-1")
	f.Add("Fri, 31 Dec 9999 23:59:59 GMT")
	f.Fuzz(func(t *testing.T, text string) {
		if wait := retryAfter(http.Header{"Retry-After": {text}}); wait < 0 || wait > maxRetryAfter {
			t.Fatal(wait)
		}
	})
}
