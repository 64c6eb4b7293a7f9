package hooks

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// Whatever bytes a receiver answers: the delivery has arrived, or has failed for a reason of
// one short line without the secrets.
func FuzzAnswers(f *testing.F) {
	for _, answer := range []string{
		"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 204 No\r\nConnection: close\r\n\r\n", "HTTP/1.1 410 Gone\r\nContent-Length: 7\r\n\r\n", "HTTP/1.1 302 a\r\nLocation: http://127.0.0.1/a-key\r\n\r\n",
		"HTTP/1.1 503 a\r\nRetry-After: 99999999\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nx", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
		"HTTP/1.1 100 a\r\n\r\nHTTP/1.1 101 a\r\n\r\n", "HTTP/1.1 \x1b[2J\r\n", "HTTP/9.9 200\r\n\r\n", "",
	} {
		f.Add([]byte(answer))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		sender := NewSender()
		defer sender.Close()
		sender.client.Transport.(*http.Transport).DialContext = func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go func() {
				defer theirs.Close()
				if r, err := http.ReadRequest(bufio.NewReader(theirs)); err == nil && r.Body.Close() == nil {
					_, _ = theirs.Write(answer)
				}
			}()
			return ours, nil
		}
		err := sender.Send(t.Context(), Hook{URL: "http://receiver/a-key", Secret: []byte("a-secret")}, "id", []byte("{}"))
		if err == nil {
			return
		}
		failure, ok := errors.AsType[*Failure](err)
		if !ok || failure.Reason == "" || len(failure.Reason) > 2*maxReason || !utf8.ValidString(failure.Reason) || strings.ContainsAny(failure.Reason, "\r\n\x1b") ||
			strings.Contains(failure.Reason, "a-secret") || failure.After < 0 || failure.After > maxRetryAfter {
			t.Fatalf("%#v", err)
		}
	})
}

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
