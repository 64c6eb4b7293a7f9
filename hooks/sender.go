package hooks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/imart/event-worker/internal/printable"
)

const (
	sendTimeout   = 10 * time.Second
	maxAnswer     = 64 << 10 // bytes of a response's body that are read and discarded
	maxHeader     = 64 << 10
	maxRetryAfter = time.Hour
	maxReason     = 300
)

// Failure is the error of a failed attempt.
type Failure struct {
	Reason string        // one line, without the URL
	Gone   bool          // the receiver refuses further attempts (410)
	After  time.Duration // the minimum wait that the receiver requests; 0 if none
}

// Error implements error.
func (f *Failure) Error() string { return f.Reason }

// Sender posts deliveries. It is safe for concurrent use.
type Sender struct {
	client *http.Client
}

// NewSender makes a sender. It does not follow redirects.
func NewSender() *Sender {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxResponseHeaderBytes = maxHeader
	return newSender(transport)
}

func newSender(transport http.RoundTripper) *Sender {
	return &Sender{client: &http.Client{
		Transport: transport, Timeout: sendTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Close closes idle connections.
func (s *Sender) Close() { s.client.CloseIdleConnections() }

// Send makes one attempt, of at most 10 s. The error is a *Failure.
func (s *Sender) Send(ctx context.Context, hook Hook, id string, text []byte) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, hook.URL, bytes.NewReader(text))
	if err != nil {
		return &Failure{Reason: reasonOf(err)}
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "event-worker")
	r.Header.Set(DeliveryHeader, id)
	r.Header.Set(SignatureHeader, Sign(hook.Secret, text, time.Now()))
	response, err := s.client.Do(r)
	if err != nil {
		return &Failure{Reason: reasonOf(err)}
	}
	defer response.Body.Close()
	_, _ = io.CopyN(io.Discard, response.Body, maxAnswer) // so that the connection can be reused
	status := response.StatusCode
	if status/100 == 2 {
		return nil
	}
	f := &Failure{Reason: fmt.Sprintf("the receiver answers %d", status), Gone: status == http.StatusGone, After: retryAfter(response.Header)}
	if status/100 == 3 {
		f.Reason += ": redirects are not followed, configure the target URL"
	}
	return f
}

// reasonOf returns the text of an error without the URL.
func reasonOf(err error) string {
	of, ok := errors.AsType[*url.Error](err)
	switch {
	case ok && of.Timeout():
		return fmt.Sprintf("the receiver does not answer within %s", sendTimeout)
	case ok:
		err = of.Err
	}
	return printable.Line(err.Error(), maxReason)
}

// retryAfter returns how long the receiver asks to wait, in seconds or until a date
// (https://www.rfc-editor.org/rfc/rfc9110#name-retry-after); 0 if it does not.
func retryAfter(header http.Header) time.Duration {
	text := header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(0, time.Until(at)), maxRetryAfter)
	}
	return 0
}
